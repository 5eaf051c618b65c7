import { type LayerConfig, layerError, oneOf, pair, requireChannelsLast } from './layer-config.ts'

/** A window that slides over a map: convolution or pooling. Pairs are rows, columns. */
export interface Window {
  readonly size: readonly [number, number]
  readonly strides: readonly [number, number]
  readonly dilations: readonly [number, number]
  /** Zeros before the first and after the last row and column, as TensorFlow's 'same' adds them: more at the end. */
  readonly padBefore: readonly [number, number]
  readonly padAfter: readonly [number, number]
  readonly output: readonly [number, number]
}

/** @throws {TypeError} where the window does not fit into the map. */
export function slidingWindow(
  layer: LayerConfig,
  map: readonly [number, number, number],
  sizeKey: 'kernel_size' | 'pool_size',
): Window {
  requireChannelsLast(layer)
  const size = pair(layer, sizeKey, sizeKey === 'pool_size' ? 2 : undefined)
  const strides = pair(layer, 'strides', sizeKey === 'pool_size' ? size : 1)
  const dilations = pair(layer, 'dilation_rate', 1)
  const padding = oneOf(layer, 'padding', ['same', 'valid', 'causal'], 'valid')
  const padded = padding !== 'valid'
  const axes = [0, 1].map((axis) => {
    const input = map[axis]!
    const stride = strides[axis]!
    const reach = (size[axis]! - 1) * dilations[axis]! + 1
    const output = padded ? Math.ceil(input / stride) : Math.floor((input - reach) / stride) + 1
    if (output < 1) throw layerError(layer, `${sizeKey} must fit into its input, current axis is ${input}`)
    // No step sees a later one. What is left over at the end is cut off.
    if (padding === 'causal') return { output, before: reach - 1, after: 0 }
    const pad = padded ? Math.max((output - 1) * stride + reach - input, 0) : 0
    return { output, before: Math.floor(pad / 2), after: Math.ceil(pad / 2) }
  })
  const [rows, columns] = axes
  return {
    size,
    strides,
    dilations,
    padBefore: [rows!.before, columns!.before],
    padAfter: [rows!.after, columns!.after],
    output: [rows!.output, columns!.output],
  }
}

/** Geometry of a transposed convolution: what is cut off at the borders and what must be added at the end. */
export interface TransposedWindow {
  readonly size: readonly [number, number]
  readonly strides: readonly [number, number]
  readonly cropBefore: readonly [number, number]
  readonly cropAfter: readonly [number, number]
  readonly extra: readonly [number, number]
  readonly output: readonly [number, number]
}

export function transposedWindow(
  layer: LayerConfig,
  map: readonly [number, number, number],
): TransposedWindow {
  requireChannelsLast(layer)
  const size = pair(layer, 'kernel_size')
  const strides = pair(layer, 'strides', 1)
  const dilations = pair(layer, 'dilation_rate', 1)
  if (dilations.some((rate) => rate !== 1)) throw layerError(layer, 'dilation_rate must be 1')
  if (layer.config['output_padding'] != null) throw layerError(layer, 'output_padding must be null')
  const same = oneOf(layer, 'padding', ['same', 'valid'], 'valid') === 'same'
  const axes = [0, 1].map((axis) => {
    const full = (map[axis]! - 1) * strides[axis]! + size[axis]!
    const overlap = Math.max(size[axis]! - strides[axis]!, 0)
    const output = map[axis]! * strides[axis]! + (same ? 0 : overlap)
    const crop = same ? overlap : 0
    return { output, before: Math.floor(crop / 2), after: Math.ceil(crop / 2), extra: output - full + crop }
  })
  const [rows, columns] = axes
  return {
    size,
    strides,
    cropBefore: [rows!.before, columns!.before],
    cropAfter: [rows!.after, columns!.after],
    extra: [rows!.extra, columns!.extra],
    output: [rows!.output, columns!.output],
  }
}
