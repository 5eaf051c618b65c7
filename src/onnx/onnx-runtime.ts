import type { InferenceSessionFactory, TensorConstructor } from 'onnxruntime-common'

/** What the native and the WebAssembly build of ONNX Runtime have in common. */
export interface OnnxRuntime {
  readonly InferenceSession: InferenceSessionFactory
  readonly Tensor: TensorConstructor
}

/** The native build of ONNX Runtime, or the WebAssembly one where that is not to be had. */
export async function anyOnnxRuntime(): Promise<OnnxRuntime> {
  try {
    return await import('onnxruntime-node')
  } catch {
    return import('onnxruntime-web')
  }
}
