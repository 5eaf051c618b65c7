import type { TensorProto_DataType as Type } from 'onnx-buf'

/** FLOAT, FLOAT16 and BFLOAT16 by their numbers (onnx.proto): an agent that loads no ONNX file needs no reader of one. */
const shortFloats: ReadonlySet<Type> = new Set<Type>([1, 10, 16])

/** Whether float32 holds its values and a codec may round them. */
export function isShortFloat(type: Type): boolean {
  return shortFloats.has(type)
}
