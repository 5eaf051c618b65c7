import './without-telemetry.ts'
import { createRequire } from 'node:module'
import type { InferenceSessionFactory, TensorConstructor } from 'onnxruntime-common'
import type * as OnnxRuntimeNode from 'onnxruntime-node'
import type * as OnnxRuntimeWeb from 'onnxruntime-web'

/** What the native and the WebAssembly build of ONNX Runtime have in common. */
export interface OnnxRuntime {
  readonly InferenceSession: InferenceSessionFactory
  readonly Tensor: TensorConstructor
}

// The only place that loads either build.

/** @throws {Error} where the package has no build for this machine. */
export function nativeOnnxRuntime(): typeof OnnxRuntimeNode {
  // Required and not imported: when a CommonJS module throws on import, Node 20 rejects the import and then ends the
  // process with the same error as uncaught.
  const require = createRequire(import.meta.url)
  return require('onnxruntime-node') as typeof OnnxRuntimeNode
}

export function webAssemblyOnnxRuntime(): Promise<typeof OnnxRuntimeWeb> {
  return import('onnxruntime-web')
}

/** The native build of ONNX Runtime, or the WebAssembly one where that is not to be had. */
export async function anyOnnxRuntime(): Promise<OnnxRuntime> {
  try {
    return nativeOnnxRuntime()
  } catch {
    return webAssemblyOnnxRuntime()
  }
}
