import { exchangeAxes } from '../tensor/exchange-axes.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { borderShape, type GraphTensor } from './layer-graph.ts'

/** Values as the model's file orders them, in the order in which they travel. The same array where the orders are one. */
export function toBorderOrder(value: TensorValue, tensor: GraphTensor): TensorValue {
  if (isSameOrder(tensor)) return value
  const channels = tensor.shape.at(-1)!
  const shape = [value.shape[0]!, ...borderShape(tensor)]
  return { shape, data: exchanged(value.data, value.shape[0]!, channels) }
}

/** The opposite of {@link toBorderOrder}. */
export function toSourceOrder(value: TensorValue, tensor: GraphTensor): TensorValue {
  if (isSameOrder(tensor)) return value
  const places = tensor.shape.slice(0, -1).reduce((product, n) => product * n, 1)
  const shape = [value.shape[0]!, ...tensor.shape]
  return { shape, data: exchanged(value.data, value.shape[0]!, places) }
}

function isSameOrder({ shape, layout }: GraphTensor): boolean {
  return layout === 'channels-first' || shape.length < 2
}

/** Each of so many matrices, whose rows have `columns` values, with rows and columns exchanged. */
function exchanged(data: Float32Array, matrices: number, columns: number): Float32Array<ArrayBuffer> {
  const size = data.length / matrices
  const to = new Float32Array(data.length)
  for (let begin = 0; begin < data.length; begin += size) {
    const matrix = data.subarray(begin, begin + size)
    exchangeAxes(matrix, size / columns, columns, to.subarray(begin, begin + size))
  }
  return to
}
