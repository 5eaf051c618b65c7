import { nativeOnnxRuntime } from '../onnx/onnx-runtime.ts'
import { type Engine, type ExecutionProvider, requireFloat32 } from './engine.ts'
import { blocksChannels } from './onnx/blocks-channels.ts'
import { commonSessionOptions, compileOnnxSession } from './onnx-session.ts'

/**
 * ONNX Runtime's native build (x64 and arm64). A run blocks the calling thread.
 * @param provider What it computes on as far as that can; nothing compiles where the package has it not.
 * @throws {Error} where the package has no build for this machine.
 */
export function onnxruntimeEngine(provider: ExecutionProvider | 'cpu' = 'cpu'): Engine {
  const runtime = nativeOnnxRuntime()
  let entersBlocked: Promise<boolean> | undefined
  return {
    name: 'onnxruntime',
    compile: async (model, segment, asked) => {
      requireFloat32('onnxruntime', asked)
      const { threads, cache } = asked
      const options = {
        ...commonSessionOptions,
        executionProviders: [provider],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
      }
      entersBlocked ??= blocksChannels(runtime, options)
      return compileOnnxSession(runtime, 'native', model, segment, options, {
        cache,
        entersBlocked: await entersBlocked,
      })
    },
  }
}
