import type { LayerGraph } from './layer-graph.ts'
import type { Wound } from './wound.ts'

/**
 * The wound that leaves `head` on the edge, with its crossing tensors: those made in the head (input tensors
 * included) that the tail reads or that are outputs of the model. O(layers + tensors).
 * @param head Layer indices, in any order.
 * @throws {RangeError} where the head is not down-closed or lacks an input layer.
 */
export function woundFromHead(graph: LayerGraph, head: Iterable<number>): Wound {
  const inHead = new Uint8Array(graph.layers.length)
  for (const index of head) {
    if (graph.layers[index] === undefined)
      throw new RangeError(`Cannot cut ${graph.name}: layer ${index} must exist`)
    inHead[index] = 1
  }
  for (const tensor of graph.inputs) {
    const layer = graph.layers[graph.tensors[tensor]!.producer]!
    if (inHead[layer.index] === 0) {
      throw new RangeError(`Cannot cut ${graph.name}: head must hold input layer '${layer.name}'`)
    }
  }
  for (const layer of graph.layers) {
    if (inHead[layer.index] === 0) continue
    for (const tensor of layer.inputs) {
      const { producer, name } = graph.tensors[tensor]!
      if (inHead[producer] === 0) {
        throw new RangeError(
          `Cannot cut ${graph.name}: head must be down-closed, '${layer.name}' reads '${name}' which the tail makes`,
        )
      }
    }
  }
  const layers = graph.layers.filter(({ index }) => inHead[index] === 1).map(({ index }) => index)
  if (layers.length === graph.layers.length) return { id: 'local', tensors: [], head: layers }

  const answers = new Set(graph.outputs)
  const crossing = graph.tensors.filter(
    ({ id, producer, consumers }) =>
      inHead[producer] === 1 && (answers.has(id) || consumers.some((layer) => inHead[layer] === 0)),
  )
  const isInput = layers.length === graph.inputs.length
  return {
    id: isInput
      ? 'input'
      : woundId(
          graph,
          crossing.map(({ producer }) => producer),
        ),
    tensors: crossing.map(({ id }) => id),
    head: layers,
  }
}

function woundId(graph: LayerGraph, producers: readonly number[]): string {
  const after = [...new Set(producers)].toSorted((a, b) => a - b)
  return after.map((index) => graph.layers[index]!.name).join('+')
}
