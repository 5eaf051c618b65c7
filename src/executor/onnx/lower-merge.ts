import { residualScale } from '../../model-graph/layers/elementwise-layers.ts'
import { axisOf } from '../../model-graph/layers/layer-config.ts'
import { addNode, addScalar, borderAxis, type LowerLayer } from './lowering.ts'

/** Folds the inputs two at a time: the form in which an addition is fused into a convolution. */
function pairwise(opType: 'Add' | 'Mul' | 'Sub'): LowerLayer {
  return (lowering, { inputs, output }) => {
    let merged = inputs[0]!.name
    for (const [index, input] of inputs.slice(1).entries()) {
      const name = index === inputs.length - 2 ? output.name : `${output.name}:${index}`
      merged = addNode(lowering, opType, [merged, input.name], name)
    }
  }
}

function together(opType: 'Mean' | 'Max' | 'Min'): LowerLayer {
  return (lowering, { inputs, output }) => {
    addNode(
      lowering,
      opType,
      inputs.map(({ name }) => name),
      output.name,
    )
  }
}

export const lowerAdd = pairwise('Add')
export const lowerMultiply = pairwise('Mul')
export const lowerSubtract = pairwise('Sub')
export const lowerAverage = together('Mean')
export const lowerMaximum = together('Max')
export const lowerMinimum = together('Min')

export const lowerConcatenate: LowerLayer = (lowering, { config, inputs, output }) => {
  const rank = output.shape.length
  const axis = borderAxis(axisOf(config, 'axis', rank), rank)
  addNode(
    lowering,
    'Concat',
    inputs.map(({ name }) => name),
    output.name,
    { axis: { int: axis } },
  )
}

export const lowerResidualScale: LowerLayer = (lowering, { config, inputs, output }) => {
  const [straight, branch] = inputs
  const scale = addScalar(lowering, `${output.name}:scale`, residualScale(config))
  const scaled = addNode(lowering, 'Mul', [branch!.name, scale], `${output.name}:scaled`)
  addNode(lowering, 'Add', [straight!.name, scaled], output.name)
}
