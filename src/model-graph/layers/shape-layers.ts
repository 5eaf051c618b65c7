import { elementCount } from '../../tensor/element-count.ts'
import { flag, integers, layerError, margins, oneOf, pair, requireChannelsLast } from './layer-config.ts'
import { type DescribeLayer, onlyMap, onlyShape } from './layer-facts.ts'
import { slidingWindow } from './window.ts'

export const describePool: DescribeLayer = (layer, shapes) => {
  const map = onlyMap(layer, shapes)
  const window = slidingWindow(layer, map, 'pool_size')
  const outputShape = [...window.output, map[2]]
  return { outputShape, weights: [], operations: elementCount(outputShape) * elementCount(window.size) }
}

export const describeGlobalPool: DescribeLayer = (layer, shapes) => {
  const map = onlyMap(layer, shapes)
  requireChannelsLast(layer)
  const outputShape = flag(layer, 'keepdims', false) ? [1, 1, map[2]] : [map[2]]
  return { outputShape, weights: [], operations: elementCount(map) }
}

export const describeZeroPadding: DescribeLayer = (layer, shapes) => {
  const [rows, columns, channels] = onlyMap(layer, shapes)
  requireChannelsLast(layer)
  const [top, bottom, left, right] = margins(layer, 'padding')
  const outputShape = [rows + top + bottom, columns + left + right, channels]
  return { outputShape, weights: [], operations: elementCount(outputShape) }
}

export const describeCropping: DescribeLayer = (layer, shapes) => {
  const [rows, columns, channels] = onlyMap(layer, shapes)
  requireChannelsLast(layer)
  const [top, bottom, left, right] = margins(layer, 'cropping')
  const outputShape = [rows - top - bottom, columns - left - right, channels]
  if (outputShape.some((n) => n < 1)) throw layerError(layer, 'cropping must leave something of its input')
  return { outputShape, weights: [], operations: elementCount(outputShape) }
}

export const describeUpSampling: DescribeLayer = (layer, shapes) => {
  const [rows, columns, channels] = onlyMap(layer, shapes)
  requireChannelsLast(layer)
  const size = pair(layer, 'size', 2)
  oneOf(layer, 'interpolation', ['nearest', 'bilinear'], 'nearest')
  const outputShape = [rows * size[0], columns * size[1], channels]
  return { outputShape, weights: [], operations: elementCount(outputShape) }
}

export const describeFlatten: DescribeLayer = (layer, shapes) => {
  requireChannelsLast(layer)
  return { outputShape: [elementCount(onlyShape(layer, shapes))], weights: [], operations: 0 }
}

/** One axis of the target may be -1: what is left over. */
export const describeReshape: DescribeLayer = (layer, shapes) => {
  const total = elementCount(onlyShape(layer, shapes))
  const target = integers(layer, 'target_shape')
  const known = elementCount(target.filter((n) => n !== -1))
  const outputShape = target.map((n) => (n === -1 ? total / known : n))
  const valid = outputShape.length > 0 && outputShape.every((n) => Number.isSafeInteger(n) && n > 0)
  if (!valid || elementCount(outputShape) !== total) {
    throw layerError(layer, `target_shape must hold ${total} values, current value is [${target.join(', ')}]`)
  }
  return { outputShape, weights: [], operations: 0 }
}

export const describePermute: DescribeLayer = (layer, shapes) => {
  const shape = onlyShape(layer, shapes)
  const dims = integers(layer, 'dims')
  if (dims.toSorted((a, b) => a - b).some((n, i) => n !== i + 1) || dims.length !== shape.length) {
    throw layerError(
      layer,
      `dims must be a permutation of 1..${shape.length}, current value is [${dims.join(', ')}]`,
    )
  }
  return { outputShape: dims.map((n) => shape[n - 1]!), weights: [], operations: elementCount(shape) }
}
