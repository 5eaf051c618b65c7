import type { GraphTensor } from '../../model-graph/layer-graph.ts'
import { mapConfig } from '../../model-graph/layers/row-layers.ts'
import type { LowerLayer } from './lowering.ts'

/** A layer of one dimension, lowered as the one of two dimensions over a map of one row. */
export function overRow(lower: LowerLayer): LowerLayer {
  return async (subgraph, call) => {
    const { output, sources, target } = call
    const { xnn, pointer } = subgraph
    const asMap = (tensor: GraphTensor): GraphTensor => ({ ...tensor, shape: [1, ...tensor.shape] })
    const maps = call.inputs.map((tensor, i) => {
      const map = subgraph.inner([1, ...tensor.shape])
      xnn.reshape(pointer, tensor.shape.length + 2, [1, 1, ...tensor.shape], sources[i]!, map, 0)
      return map
    })
    const over = { ...call, config: mapConfig(call.config), inputs: call.inputs.map(asMap), sources: maps }
    // What is pooled over all steps has no map any more.
    if (output.shape.length === 1) return lower(subgraph, over)
    const map = subgraph.inner([1, ...output.shape])
    await lower(subgraph, { ...over, output: asMap(output), target: map })
    xnn.reshape(pointer, output.shape.length + 1, [1, ...output.shape], map, target, 0)
  }
}
