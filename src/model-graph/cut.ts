import type { LayerGraph } from './layer-graph.ts'
import type { Segment } from './segment.ts'
import type { Wound } from './wound.ts'
import { woundFromHead } from './wound-from-head.ts'

export interface Cut {
  /** Reads the model's inputs, gives the wound's tensors; for `local` the model's outputs. */
  readonly head: Segment
  /** Reads the wound's tensors, gives the model's outputs; for `local` it is empty. */
  readonly tail: Segment
}

/**
 * Applies a wound to a model.
 * @throws {RangeError} where the wound's head is not down-closed or its tensors are not those that cross.
 */
export function cut(graph: LayerGraph, wound: Wound): Cut {
  verify(graph, wound)
  const rest = layersOutside(graph, wound)
  if (rest.length === 0) {
    return {
      head: { layers: wound.head, inputs: graph.inputs, outputs: graph.outputs },
      tail: { layers: [], inputs: [], outputs: [] },
    }
  }
  return {
    head: { layers: wound.head, inputs: graph.inputs, outputs: wound.tensors },
    tail: { layers: rest, inputs: wound.tensors, outputs: graph.outputs },
  }
}

/** The model as one segment. */
export function wholeModel(graph: LayerGraph): Segment {
  return { layers: graph.layers.map(({ index }) => index), inputs: graph.inputs, outputs: graph.outputs }
}

/**
 * Divides a model at nested wounds into consecutive segments, one more than there are wounds. A segment reads what its
 * layers read from outside (the first: the model's inputs) and gives what later segments read or what is an output of
 * the model; a tensor that merely passes by is not listed: whoever runs the chain keeps values by tensor id.
 * @param wounds From the smallest head to the largest.
 * @throws {RangeError} where a wound is not legal or does not contain the one before.
 */
export function divide(graph: LayerGraph, wounds: readonly Wound[]): Segment[] {
  const segmentOf = new Int32Array(graph.layers.length).fill(wounds.length)
  for (const [position, wound] of wounds.entries()) {
    verify(graph, wound)
    const before = wounds[position - 1]
    const inHead = new Set(wound.head)
    if (
      before !== undefined &&
      (before.head.length >= inHead.size || !before.head.every((layer) => inHead.has(layer)))
    ) {
      throw new RangeError(`Cannot divide ${graph.name}: wound '${wound.id}' must lie behind '${before.id}'`)
    }
    for (const layer of wound.head) segmentOf[layer] = Math.min(segmentOf[layer]!, position)
  }
  const answers = new Set(graph.outputs)
  return Array.from({ length: wounds.length + 1 }, (_, segment): Segment => {
    const layers = graph.layers.filter(({ index }) => segmentOf[index] === segment)
    const read = new Set(
      layers
        .flatMap(({ inputs }) => inputs)
        .filter((id) => segmentOf[graph.tensors[id]!.producer] !== segment),
    )
    const made = layers.flatMap(({ outputs }) => outputs)
    return {
      layers: layers.map(({ index }) => index),
      inputs: segment === 0 ? graph.inputs : [...read].toSorted((a, b) => a - b),
      outputs: made.filter(
        (id) => answers.has(id) || graph.tensors[id]!.consumers.some((layer) => segmentOf[layer] !== segment),
      ),
    }
  })
}

function verify(graph: LayerGraph, wound: Wound): void {
  const found = woundFromHead(graph, wound.head)
  if (found.tensors.join() !== wound.tensors.join()) {
    throw new RangeError(
      `Cannot cut ${graph.name} at '${wound.id}': tensors must be [${found.tensors.join(', ')}], current value is [${wound.tensors.join(', ')}]`,
    )
  }
}

function layersOutside(graph: LayerGraph, wound: Wound): number[] {
  const inHead = new Set(wound.head)
  return graph.layers.map(({ index }) => index).filter((index) => !inHead.has(index))
}
