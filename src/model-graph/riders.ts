import { elementsOf, type LayerGraph } from './layer-graph.ts'

/** A layer that does so few operations per value rides along with the one before it. */
const cheapOperationsPerValue = 4

/**
 * The tensors that lead to a rider: a layer that follows another at the same size and costs next to nothing, as
 * normalisation and activation do. Engines compute it with what is before it, so a wound between the two saves nothing
 * and makes both slower. A tensor that others read as well, or that is an answer, crosses anyway. O(layers).
 */
export function tensorsToRiders(graph: LayerGraph): Set<number> {
  const found = new Set<number>()
  for (const { inputs, outputs, operations } of graph.layers) {
    const [input, output] = [graph.tensors[inputs[0]!], graph.tensors[outputs[0]!]]
    const isRider =
      inputs.length === 1 &&
      outputs.length === 1 &&
      !graph.inputs.includes(input!.id) &&
      input!.consumers.length === 1 &&
      !graph.outputs.includes(input!.id) &&
      // Behind the last layer is no wound.
      output!.consumers.length > 0 &&
      elementsOf(output!) === elementsOf(input!) &&
      operations <= cheapOperationsPerValue * elementsOf(input!)
    if (isRider) found.add(input!.id)
  }
  return found
}
