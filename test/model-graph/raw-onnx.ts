import type { Tensor } from 'onnxruntime-node'
import type { Model } from '../../src/model-graph/model.ts'
import { nativeOnnxRuntime } from '../../src/onnx/onnx-runtime.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'

const arrays = {
  float32: (data: Float32Array) => Float32Array.from(data),
  float64: (data: Float32Array) => Float64Array.from(data),
  int64: (data: Float32Array) => BigInt64Array.from(data, (value) => BigInt(value)),
  int32: (data: Float32Array) => Int32Array.from(data),
  uint8: (data: Float32Array) => Uint8Array.from(data),
  bool: (data: Float32Array) => Uint8Array.from(data),
} as const

/** The file as ONNX Runtime runs it, untouched: outputs by name as float32. */
export async function runRaw(
  path: string,
  { graph }: Model,
  inputs: readonly TensorValue[],
  more: Readonly<Record<string, Tensor>> = {},
): Promise<Map<string, Float32Array>> {
  const runtime = nativeOnnxRuntime()
  const session = await runtime.InferenceSession.create(path, { logSeverityLevel: 4 })
  const feeds = Object.fromEntries(
    graph.inputs.map((id, i) => {
      const { name, shape, stored } = graph.tensors[id]!
      const found = session.inputMetadata.find((input) => input.name === name)!
      const type = (found as { type: string }).type as keyof typeof arrays
      const data = arrays[type](inputs[i]!.data)
      return [name, new runtime.Tensor(type, data, stored?.dims ?? [1, ...shape])]
    }),
  )
  const names = graph.outputs.map((id) => graph.tensors[id]!.name)
  // The input of a ZipMap that was taken off is none of the file's outputs.
  const wanted = names.filter((name) => session.outputNames.includes(name))
  const results = wanted.length === 0 ? {} : await session.run({ ...feeds, ...more }, wanted)
  const outputs = wanted.map((name): [string, Float32Array] => {
    const data = results[name]!.data as ArrayLike<number | bigint>
    return [name, Float32Array.from(data, Number)]
  })
  await session.release()
  return new Map(outputs)
}
