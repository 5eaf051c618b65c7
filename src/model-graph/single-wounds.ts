import type { LayerGraph } from './layer-graph.ts'
import type { Wound } from './wound.ts'

/**
 * Every wound that carries exactly one tensor, in order from `input` to `local`, these two included.
 *
 * A tensor separates inputs from outputs exactly when, in a topological order, it alone is still to be read after the
 * layer that makes it: what lies before is all its ancestors, what lies after all its descendants, in every such
 * order. So one sweep that counts the live tensors finds all of them (input tensors are live from the start, output
 * tensors to the end). O(layers + tensors), apart from listing the heads.
 */
export function singleWounds(graph: LayerGraph): Wound[] {
  const count = graph.layers.length
  const inputs = new Set(graph.inputs)
  const answers = new Set(graph.outputs)
  /** Tensors whose last reader is the layer. */
  const lastRead = new Int32Array(count)
  for (const { id, consumers } of graph.tensors) {
    if (!answers.has(id)) lastRead[consumers.at(-1)!]! += 1
  }

  const inputLayers = graph.inputs.map((tensor) => graph.tensors[tensor]!.producer).toSorted((a, b) => a - b)
  const wounds: Wound[] = [
    { id: 'input', tensors: graph.inputs.toSorted((a, b) => a - b), head: inputLayers },
  ]
  let live = inputs.size
  for (const { index, name, outputs } of graph.layers.slice(0, -1)) {
    if (inputLayers.includes(index)) continue
    live += outputs.length - lastRead[index]!
    // With one live tensor left, no input layer can follow: its tensor would be live as well.
    if (live === 1) {
      const head = Array.from({ length: index + 1 }, (_, layer) => layer)
      wounds.push({ id: name, tensors: [...outputs], head })
    }
  }
  wounds.push({ id: 'local', tensors: [], head: graph.layers.map(({ index }) => index) })
  return wounds
}
