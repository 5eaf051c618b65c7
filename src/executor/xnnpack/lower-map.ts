import { integers, layerError, margins, oneOf, pair } from '../../model-graph/layers/layer-config.ts'
import { slidingWindow } from '../../model-graph/layers/window.ts'
import { addFixedDepthwise, mapOf, paddingOf } from './lower-weighted.ts'
import { type LowerLayer, unbounded } from './lowering.ts'

/** A window of one place is refused by XNNPACK: it only leaves places out. */
export const lowerPool: LowerLayer = (subgraph, call) => {
  const { config, sources, target } = call
  const { xnn, pointer } = subgraph
  const window = slidingWindow(config, mapOf(call), 'pool_size')
  const [source] = sources
  if (window.size[0] * window.size[1] === 1) {
    addFixedDepthwise(subgraph, window, mapOf(call)[2], source!, target, (kernel) => kernel.fill(1))
    return
  }
  const geometry = [...paddingOf(window), ...window.size, ...window.strides]
  if (config.className === 'MaxPooling2D')
    xnn.maxPool(pointer, ...geometry, 1, 1, ...unbounded, source!, target, 0)
  else xnn.averagePool(pointer, ...geometry, ...unbounded, source!, target, 0)
}

/** Keep the axes that were pooled; the library of Debian 12 keeps them always. */
const keepDims = 0x40

export const lowerGlobalPool: LowerLayer = (subgraph, call) => {
  const { config, output, sources, target } = call
  const { xnn, pointer } = subgraph
  const [rows, columns, channels] = mapOf(call)
  const pooled = subgraph.inner([1, 1, channels])
  if (config.className === 'GlobalAveragePooling2D')
    xnn.globalAverage(pointer, ...unbounded, sources[0]!, pooled, keepDims)
  else if (rows * columns === 1) xnn.clamp(pointer, ...unbounded, sources[0]!, pooled, 0)
  else
    xnn.maxPool(pointer, 0, 0, 0, 0, rows, columns, rows, columns, 1, 1, ...unbounded, sources[0]!, pooled, 0)
  xnn.reshape(pointer, output.shape.length + 1, [1, ...output.shape], pooled, target, 0)
}

export const lowerZeroPadding: LowerLayer = ({ xnn, pointer }, { config, sources, target }) => {
  const [top, bottom, left, right] = margins(config, 'padding')
  xnn.pad(pointer, [0, top, left, 0], [0, bottom, right, 0], 0, sources[0]!, target, 0)
}

export const lowerCropping: LowerLayer = (subgraph, { config, output, sources, target }) => {
  const [top, bottom, left, right] = margins(config, 'cropping')
  const { xnn, pointer } = subgraph
  if (xnn.slice !== undefined) {
    xnn.slice(pointer, 4, [0, top, left, 0], [1, ...output.shape], sources[0]!, target, 0)
    return
  }
  const channels = output.shape[2]!
  const size = [top + bottom + 1, left + right + 1] as const
  addFixedDepthwise(subgraph, { size, strides: [1, 1] }, channels, sources[0]!, target, (kernel) => {
    const first = (top * size[1] + left) * channels
    kernel.fill(0).fill(1, first, first + channels)
  })
}

export const lowerUpSampling: LowerLayer = (subgraph, { config, inputs, output, sources, target }) => {
  const { xnn, pointer } = subgraph
  const [rowsEach, columnsEach] = pair(config, 'size', 2)
  const [rows, columns, channels] = inputs[0]!.shape as [number, number, number]
  if (oneOf(config, 'interpolation', ['nearest', 'bilinear'], 'nearest') === 'bilinear') {
    xnn.resizeBilinear(pointer, rows * rowsEach, columns * columnsEach, sources[0]!, target, 0)
    return
  }
  // No node repeats values, but an operand that is stretched does.
  const apart = subgraph.inner([rows, 1, columns, 1, channels])
  const repeated = subgraph.inner([rows, rowsEach, columns, columnsEach, channels])
  const zeros = subgraph.constant('operand', [1, 1, rowsEach, 1, columnsEach, 1], (values) => values.fill(0))
  xnn.reshape(pointer, 6, [1, rows, 1, columns, 1, channels], sources[0]!, apart, 0)
  xnn.add(pointer, ...unbounded, apart, zeros, repeated, 0)
  xnn.reshape(pointer, 4, [1, ...output.shape], repeated, target, 0)
}

/** Flatten and Reshape count values in Keras's order, which is XNNPACK's; a layer that is idle is a copy. */
export const lowerReshape: LowerLayer = ({ xnn, pointer }, { output, sources, target }) => {
  xnn.reshape(pointer, output.shape.length + 1, [1, ...output.shape], sources[0]!, target, 0)
}

export const lowerPermute: LowerLayer = ({ xnn, pointer }, { config, output, sources, target }) => {
  if (xnn.transpose === undefined)
    throw layerError(
      config,
      "engine xnnpack must have Debian 13's library for it, this one exchanges no axes",
    )
  const order = [0, ...integers(config, 'dims')]
  xnn.transpose(pointer, output.shape.length + 1, order, sources[0]!, target, 0)
}
