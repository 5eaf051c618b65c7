import { integers, margins, oneOf, pair } from '../../model-graph/layers/layer-config.ts'
import { slidingWindow } from '../../model-graph/layers/window.ts'
import { windowAttributes } from './lower-weighted.ts'
import {
  addChannelsLast,
  addConstant,
  addFromChannelsLast,
  addIntegers,
  addNode,
  addScalar,
  borderAxis,
  type LowerLayer,
} from './lowering.ts'

/** Padding never counts: it is below every value for a maximum and left out of an average's divisor (as TensorFlow). */
export const lowerPool: LowerLayer = (lowering, { config, inputs, output }) => {
  const window = slidingWindow(config, inputs[0]!.shape as [number, number, number], 'pool_size')
  const { dilations: _, ...attributes } = windowAttributes(window)
  const opType = config.className === 'MaxPooling2D' ? 'MaxPool' : 'AveragePool'
  addNode(lowering, opType, [inputs[0]!.name], output.name, attributes)
}

export const lowerGlobalPool: LowerLayer = (lowering, { config, inputs, output }) => {
  const opType = config.className === 'GlobalMaxPooling2D' ? 'GlobalMaxPool' : 'GlobalAveragePool'
  if (output.shape.length === 3) {
    addNode(lowering, opType, [inputs[0]!.name], output.name)
    return
  }
  const pooled = addNode(lowering, opType, [inputs[0]!.name], `${output.name}:map`)
  addNode(lowering, 'Flatten', [pooled], output.name, { axis: { int: 1 } })
}

export const lowerZeroPadding: LowerLayer = (lowering, { config, inputs, output }) => {
  const [top, bottom, left, right] = margins(config, 'padding')
  const pads = addIntegers(lowering, `${output.name}:pads`, [0, 0, top, left, 0, 0, bottom, right])
  const zero = addScalar(lowering, `${output.name}:zero`, 0)
  addNode(lowering, 'Pad', [inputs[0]!.name, pads, zero], output.name)
}

export const lowerCropping: LowerLayer = (lowering, { config, inputs, output }) => {
  const [top, bottom, left, right] = margins(config, 'cropping')
  const [rows, columns] = inputs[0]!.shape as [number, number, number]
  const bounds = { starts: [top, left], ends: [rows - bottom, columns - right], axes: [2, 3] }
  const operands = Object.entries(bounds).map(([key, values]) =>
    addIntegers(lowering, `${output.name}:${key}`, values),
  )
  addNode(lowering, 'Slice', [inputs[0]!.name, ...operands], output.name)
}

export const lowerUpSampling: LowerLayer = (lowering, { config, inputs, output }) => {
  const [rows, columns] = pair(config, 'size', 2)
  const nearest = oneOf(config, 'interpolation', ['nearest', 'bilinear'], 'nearest') === 'nearest'
  const factors = Float32Array.of(1, 1, rows, columns)
  const scales = addConstant(lowering, `${output.name}:scales`, [4], () => Promise.resolve(factors))
  addNode(lowering, 'Resize', [inputs[0]!.name, '', scales], output.name, {
    mode: { text: nearest ? 'nearest' : 'linear' },
    coordinate_transformation_mode: { text: nearest ? 'asymmetric' : 'half_pixel' },
    nearest_mode: { text: 'floor' },
  })
}

/** Flatten and Reshape count values in Keras's order, rows before columns before channels. */
export const lowerReshape: LowerLayer = (lowering, { inputs, output }) => {
  const ordered = addChannelsLast(lowering, inputs[0]!, `${output.name}:ordered`)
  addFromChannelsLast(lowering, ordered, output)
}

export const lowerPermute: LowerLayer = (lowering, { config, inputs, output }) => {
  const rank = output.shape.length
  const dims = integers(config, 'dims')
  const order = [rank - 1, ...Array.from({ length: rank - 1 }, (_, axis) => axis)]
  const perm = rank < 2 ? [0, 1] : [0, ...order.map((axis) => borderAxis(dims[axis]! - 1, rank))]
  addNode(lowering, 'Transpose', [inputs[0]!.name], output.name, { perm: { ints: perm } })
}
