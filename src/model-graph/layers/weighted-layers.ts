import { elementCount } from '../../tensor/element-count.ts'
import { axisOf, flag, layerError, positiveInteger, requireChannelsLast } from './layer-config.ts'
import { type DescribeLayer, onlyMap, onlyShape, weight } from './layer-facts.ts'
import { slidingWindow, transposedWindow } from './window.ts'

export const describeConv: DescribeLayer = (layer, shapes) => {
  const map = onlyMap(layer, shapes)
  const window = slidingWindow(layer, map, 'kernel_size')
  const filters = positiveInteger(layer, 'filters')
  const groups = positiveInteger(layer, 'groups', 1)
  if (map[2] % groups !== 0 || filters % groups !== 0) {
    throw layerError(
      layer,
      `groups must divide ${map[2]} channels and ${filters} filters, current value is ${groups}`,
    )
  }
  const kernel = [...window.size, map[2] / groups, filters]
  const weights = [weight(layer, 'kernel', kernel)]
  if (flag(layer, 'use_bias', true)) weights.push(weight(layer, 'bias', [filters]))
  return {
    outputShape: [...window.output, filters],
    weights,
    operations: 2 * elementCount(window.output) * elementCount(kernel),
  }
}

export const describeDepthwiseConv: DescribeLayer = (layer, shapes) => {
  const map = onlyMap(layer, shapes)
  const window = slidingWindow(layer, map, 'kernel_size')
  const multiplier = positiveInteger(layer, 'depth_multiplier', 1)
  const kernel = [...window.size, map[2], multiplier]
  const weights = [weight(layer, 'depthwise_kernel', kernel)]
  if (flag(layer, 'use_bias', true)) weights.push(weight(layer, 'bias', [map[2] * multiplier]))
  return {
    outputShape: [...window.output, map[2] * multiplier],
    weights,
    operations: 2 * elementCount(window.output) * elementCount(kernel),
  }
}

export const describeSeparableConv: DescribeLayer = (layer, shapes) => {
  const map = onlyMap(layer, shapes)
  const window = slidingWindow(layer, map, 'kernel_size')
  const filters = positiveInteger(layer, 'filters')
  const multiplier = positiveInteger(layer, 'depth_multiplier', 1)
  const depthwise = [...window.size, map[2], multiplier]
  const pointwise = [1, 1, map[2] * multiplier, filters]
  const weights = [weight(layer, 'depthwise_kernel', depthwise), weight(layer, 'pointwise_kernel', pointwise)]
  if (flag(layer, 'use_bias', true)) weights.push(weight(layer, 'bias', [filters]))
  return {
    outputShape: [...window.output, filters],
    weights,
    operations: 2 * elementCount(window.output) * (elementCount(depthwise) + elementCount(pointwise)),
  }
}

export const describeConvTranspose: DescribeLayer = (layer, shapes) => {
  const map = onlyMap(layer, shapes)
  const window = transposedWindow(layer, map)
  const filters = positiveInteger(layer, 'filters')
  const kernel = [...window.size, filters, map[2]]
  const weights = [weight(layer, 'kernel', kernel)]
  if (flag(layer, 'use_bias', true)) weights.push(weight(layer, 'bias', [filters]))
  return {
    outputShape: [...window.output, filters],
    weights,
    operations: 2 * map[0] * map[1] * elementCount(kernel),
  }
}

/** Works on the last axis, whatever stands before it. */
export const describeDense: DescribeLayer = (layer, shapes) => {
  const shape = onlyShape(layer, shapes)
  const units = positiveInteger(layer, 'units')
  const kernel = [shape.at(-1)!, units]
  const weights = [weight(layer, 'kernel', kernel)]
  if (flag(layer, 'use_bias', true)) weights.push(weight(layer, 'bias', [units]))
  const outer = shape.slice(0, -1)
  return {
    outputShape: [...outer, units],
    weights,
    operations: 2 * elementCount(outer) * elementCount(kernel),
  }
}

export const describeBatchNormalization: DescribeLayer = (layer, shapes) => {
  const shape = onlyShape(layer, shapes)
  requireChannelsLast(layer)
  if (axisOf(layer, 'axis', shape.length) !== shape.length - 1)
    throw layerError(layer, 'axis must be the last')
  const channels = [shape.at(-1)!]
  const weights = []
  if (flag(layer, 'scale', true)) weights.push(weight(layer, 'gamma', channels))
  if (flag(layer, 'center', true)) weights.push(weight(layer, 'beta', channels))
  weights.push(
    weight(layer, 'moving_mean', channels, false),
    weight(layer, 'moving_variance', channels, false),
  )
  return { outputShape: shape, weights, operations: elementCount(shape) }
}
