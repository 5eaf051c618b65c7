import { borderShape, type GraphTensor } from '../../model-graph/layer-graph.ts'

/** Permutation that takes a border tensor [N, C, ...] to Keras's order; undefined where the orders are one. */
export function toKerasOrder(tensor: GraphTensor): number[] | undefined {
  const rank = borderShape(tensor).length
  return rank < 2 ? undefined : [0, ...Array.from({ length: rank - 1 }, (_, axis) => axis + 2), 1]
}

/** The opposite of {@link toKerasOrder}. */
export function toBorderOrder(tensor: GraphTensor): number[] | undefined {
  const rank = tensor.shape.length
  return rank < 2 ? undefined : [0, rank, ...Array.from({ length: rank - 1 }, (_, axis) => axis + 1)]
}
