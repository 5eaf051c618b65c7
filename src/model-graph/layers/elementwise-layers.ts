import { elementCount } from '../../tensor/element-count.ts'
import { axisOf, finiteNumber, type LayerConfig, layerError } from './layer-config.ts'
import { type DescribeLayer, onlyShape } from './layer-facts.ts'

/** A layer that changes values and not the shape. */
export const describeElementwise: DescribeLayer = (layer, shapes) => {
  const outputShape = onlyShape(layer, shapes)
  return { outputShape, weights: [], operations: elementCount(outputShape) }
}

/** A layer that does nothing when a model is only run (dropout, noise). */
export const describeIdle: DescribeLayer = (layer, shapes) => ({
  outputShape: onlyShape(layer, shapes),
  weights: [],
  operations: 0,
})

/** Sum, maximum and the like of tensors of one rank; an axis of 1 is stretched to the others'. */
export const describeMerge: DescribeLayer = (layer, shapes) => {
  if (shapes.length < 2)
    throw layerError(layer, `inputs must be at least 2, current value is ${shapes.length}`)
  const rank = shapes[0]!.length
  const outputShape = shapes[0]!.map((_, axis) => Math.max(...shapes.map((shape) => shape[axis] ?? 0)))
  const fits = shapes.every(
    (shape) => shape.length === rank && shape.every((n, axis) => n === outputShape[axis] || n === 1),
  )
  if (!fits) {
    throw layerError(layer, `inputs must have one shape, current shapes are ${JSON.stringify(shapes)}`)
  }
  return { outputShape, weights: [], operations: elementCount(outputShape) * (shapes.length - 1) }
}

export const describeSubtract: DescribeLayer = (layer, shapes) => {
  if (shapes.length !== 2) throw layerError(layer, `inputs must be 2, current value is ${shapes.length}`)
  return describeMerge(layer, shapes)
}

export const describeConcatenate: DescribeLayer = (layer, shapes) => {
  if (shapes.length < 1) throw layerError(layer, 'inputs must be at least 1, current value is 0')
  const first = shapes[0]!
  const along = axisOf(layer, 'axis', first.length)
  const fits = shapes.every(
    (shape) => shape.length === first.length && shape.every((n, axis) => axis === along || n === first[axis]),
  )
  if (!fits) {
    throw layerError(
      layer,
      `inputs must agree except along axis ${along + 1}, current shapes are ${JSON.stringify(shapes)}`,
    )
  }
  const total = shapes.reduce((sum, shape) => sum + shape[along]!, 0)
  const outputShape = first.map((n, axis) => (axis === along ? total : n))
  return { outputShape, weights: [], operations: elementCount(outputShape) }
}

/**
 * Factor of the residual-scaling layer of InceptionResNetV2: first input + factor * second input. Keras writes it as a
 * Lambda with bytecode beside `arguments.scale`, later as a CustomScaleLayer. The bytecode is never looked at: two
 * inputs of one shape and a finite `scale` are the whole of what is accepted.
 */
export function residualScale(layer: LayerConfig): number {
  if (layer.className === 'CustomScaleLayer') return finiteNumber(layer, 'scale', Number.NaN)
  const given: unknown = layer.config['arguments']
  const scale = typeof given === 'object' && given !== null && 'scale' in given ? given.scale : undefined
  if (typeof scale !== 'number' || !Number.isFinite(scale)) {
    throw layerError(
      layer,
      'code in a model is never run, and the only Lambda that is known without it is the residual scaling of ' +
        `InceptionResNetV2: arguments.scale must be a finite number, current value is ${JSON.stringify(scale)}`,
    )
  }
  return scale
}

export const describeResidualScale: DescribeLayer = (layer, shapes) => {
  residualScale(layer)
  if (shapes.length !== 2) throw layerError(layer, `inputs must be 2, current value is ${shapes.length}`)
  const facts = describeMerge(layer, shapes)
  return { ...facts, operations: 2 * elementCount(facts.outputShape) }
}
