import { TensorProto_DataType as Type } from 'onnx-buf'

const types = new Map<unknown, Type>([
  ['DT_FLOAT', Type.FLOAT],
  // TensorFlow.js computes halves as floats, and all whole numbers with 32 bits.
  ['DT_HALF', Type.FLOAT],
  ['DT_INT32', Type.INT32],
  ['DT_INT64', Type.INT32],
  ['DT_UINT8', Type.INT32],
  ['DT_BOOL', Type.BOOL],
  [1, Type.FLOAT],
  [3, Type.INT32],
  [9, Type.INT32],
  [10, Type.BOOL],
])

/** @returns The type in which TensorFlow.js computes, or undefined for one that it does not know. */
export function typeOf(name: unknown): Type | undefined {
  return types.get(name)
}
