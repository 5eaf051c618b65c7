import { borderShape, type GraphTensor } from '../../model-graph/layer-graph.ts'
import { mapConfig } from '../../model-graph/layers/row-layers.ts'
import { addReshape, type LowerLayer } from './lowering.ts'

/** A layer of one dimension, lowered as the one of two dimensions over a map of one row: the values' order is the same. */
export function overRow(lower: LowerLayer): LowerLayer {
  return (lowering, call) => {
    const { output } = call
    const asMap = (tensor: GraphTensor, name: string) => ({ ...tensor, name, shape: [1, ...tensor.shape] })
    const inputs = call.inputs.map((tensor) => {
      const map = asMap(tensor, `${output.name}:row-in`)
      addReshape(lowering, tensor.name, borderShape(map), map.name)
      return map
    })
    const config = mapConfig(call.config)
    if (output.shape.length === 1) return lower(lowering, { ...call, config, inputs })
    const map = asMap(output, `${output.name}:row`)
    lower(lowering, { ...call, config, inputs, output: map })
    addReshape(lowering, map.name, borderShape(output), output.name)
  }
}
