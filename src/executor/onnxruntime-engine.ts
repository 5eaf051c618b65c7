import * as runtime from 'onnxruntime-node'
import type { Engine } from './engine.ts'
import { commonSessionOptions, compileOnnxSession } from './onnx-session.ts'

/** ONNX Runtime's native build (x64 and arm64). A run blocks the calling thread. */
export const onnxruntimeEngine: Engine = {
  name: 'onnxruntime',
  compile: (model, segment, { threads }) =>
    compileOnnxSession(runtime, 'native', model, segment, {
      ...commonSessionOptions,
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
    }),
}
