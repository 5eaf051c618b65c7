import type { OnnxRuntime } from '../../executor/onnx-session.ts'

/** The native build of ONNX Runtime, or the WebAssembly one where that is not to be had. */
export async function anyOnnxRuntime(): Promise<OnnxRuntime> {
  try {
    return await import('onnxruntime-node')
  } catch {
    return import('onnxruntime-web')
  }
}
