import { webAssemblyOnnxRuntime } from '../onnx/onnx-runtime.ts'
import { type Engine, requireFloat32 } from './engine.ts'
import { commonSessionOptions, compileOnnxSession } from './onnx-session.ts'

/**
 * ONNX Runtime compiled to WebAssembly: runs wherever Node runs. Its threads are shared by all sessions of a process
 * or worker thread and are started by the first compilation, whose `threads` therefore holds for all.
 */
export async function wasmEngine(): Promise<Engine> {
  const runtime = await webAssemblyOnnxRuntime()
  return {
    name: 'wasm',
    compile: async (model, segment, asked) => {
      requireFloat32('wasm', asked)
      runtime.env.wasm.numThreads = asked.threads
      runtime.env.logLevel = 'error'
      return compileOnnxSession(runtime, 'heap', model, segment, {
        ...commonSessionOptions,
        executionProviders: ['wasm'],
      })
    },
  }
}
