/**
 * Keras layers as functions over symbolic tensors (channels last, batch axis left out): each infers its output's
 * shape and its weights and writes the config keys that matter to computing, in Keras 2.9's words.
 */
import type { WeightSpec } from '../layer-graph.ts'
import { callLayer, type SymbolicTensor, type TopologyScope } from './topology-builder.ts'

export type Padding = 'same' | 'valid'
type Pair = readonly [number, number]
/** One number stands for both spatial axes. */
export type Size = number | Pair

export interface WindowOptions {
  readonly strides?: Size
  readonly padding?: Padding
  readonly name?: string
}

export interface ConvOptions extends WindowOptions {
  readonly bias?: boolean
  readonly activation?: string
}

export interface NormOptions {
  readonly name?: string
  readonly epsilon?: number
  readonly momentum?: number
  /** Whether there is a gamma. */
  readonly scale?: boolean
}

const layout = { data_format: 'channels_last' }

function pair(size: Size): Pair {
  return typeof size === 'number' ? [size, size] : size
}

/** Rows, columns and channels of a map. */
function mapShape(x: SymbolicTensor): readonly [number, number, number] {
  const [rows, columns, channels] = x.shape
  if (rows === undefined || columns === undefined || channels === undefined) {
    throw new RangeError(`Cannot read map ${x.name}: shape must have 3 axes, current value is [${x.shape}]`)
  }
  return [rows, columns, channels]
}

function slide(x: SymbolicTensor, window: Pair, strides: Pair, padding: Padding): Pair {
  const [rows, columns] = mapShape(x)
  const along = (size: number, axis: 0 | 1) =>
    padding === 'same'
      ? Math.ceil(size / strides[axis])
      : Math.floor((size - window[axis]) / strides[axis]) + 1
  return [along(rows, 0), along(columns, 1)]
}

function weight(name: string, shape: readonly number[], trainable = true): WeightSpec {
  return { name, shape, trainable }
}

export function input(scope: TopologyScope, shape: readonly number[]): SymbolicTensor {
  const config = { batch_input_shape: [null, ...shape], dtype: 'float32' }
  return callLayer(scope, { className: 'InputLayer', name: undefined, config, inputs: [], shape })
}

export function conv2d(
  x: SymbolicTensor,
  filters: number,
  kernelSize: Size,
  options: ConvOptions = {},
): SymbolicTensor {
  const { padding = 'valid', bias = true, activation = 'linear' } = options
  const kernel = pair(kernelSize)
  const strides = pair(options.strides ?? 1)
  const weights = [weight('kernel', [...kernel, mapShape(x)[2], filters])]
  if (bias) weights.push(weight('bias', [filters]))
  return callLayer(x.scope, {
    className: 'Conv2D',
    name: options.name,
    config: {
      ...{ filters, kernel_size: kernel, strides, padding, ...layout },
      ...{ dilation_rate: [1, 1], groups: 1, activation, use_bias: bias },
    },
    inputs: [x],
    shape: [...slide(x, kernel, strides, padding), filters],
    weights,
  })
}

/** Without bias: no network here has one. */
export function depthwiseConv2d(x: SymbolicTensor, kernelSize: Size, options: WindowOptions): SymbolicTensor {
  const { padding = 'valid' } = options
  const kernel = pair(kernelSize)
  const strides = pair(options.strides ?? 1)
  const channels = mapShape(x)[2]
  return callLayer(x.scope, {
    className: 'DepthwiseConv2D',
    name: options.name,
    config: {
      ...{ kernel_size: kernel, strides, padding, ...layout, dilation_rate: [1, 1] },
      ...{ activation: 'linear', use_bias: false, depth_multiplier: 1 },
    },
    inputs: [x],
    shape: [...slide(x, kernel, strides, padding), channels],
    weights: [weight('depthwise_kernel', [...kernel, channels, 1])],
  })
}

/** Without bias: no network here has one. */
export function separableConv2d(
  x: SymbolicTensor,
  filters: number,
  kernelSize: Size,
  options: WindowOptions,
): SymbolicTensor {
  const { padding = 'valid' } = options
  const kernel = pair(kernelSize)
  const strides = pair(options.strides ?? 1)
  const channels = mapShape(x)[2]
  return callLayer(x.scope, {
    className: 'SeparableConv2D',
    name: options.name,
    config: {
      ...{ filters, kernel_size: kernel, strides, padding, ...layout },
      ...{ dilation_rate: [1, 1], depth_multiplier: 1, activation: 'linear', use_bias: false },
    },
    inputs: [x],
    shape: [...slide(x, kernel, strides, padding), filters],
    weights: [
      weight('depthwise_kernel', [...kernel, channels, 1]),
      weight('pointwise_kernel', [1, 1, channels, filters]),
    ],
  })
}

export function batchNorm(x: SymbolicTensor, options: NormOptions = {}): SymbolicTensor {
  const { epsilon = 1e-3, momentum = 0.99, scale = true } = options
  const size = [x.shape.at(-1)!]
  return callLayer(x.scope, {
    className: 'BatchNormalization',
    name: options.name,
    config: { axis: [x.shape.length], momentum, epsilon, center: true, scale },
    inputs: [x],
    shape: x.shape,
    weights: [
      ...(scale ? [weight('gamma', size)] : []),
      weight('beta', size),
      weight('moving_mean', size, false),
      weight('moving_variance', size, false),
    ],
  })
}

export function activation(x: SymbolicTensor, kind: string, name?: string): SymbolicTensor {
  const config = { activation: kind }
  return callLayer(x.scope, { className: 'Activation', name, config, inputs: [x], shape: x.shape })
}

export function relu6(x: SymbolicTensor, name: string): SymbolicTensor {
  const config = { max_value: 6, negative_slope: 0, threshold: 0 }
  return callLayer(x.scope, { className: 'ReLU', name, config, inputs: [x], shape: x.shape })
}

/** `padding` is `[[top, bottom], [left, right]]`, or one number for all sides. */
export function zeroPad(
  x: SymbolicTensor,
  padding: number | readonly [Pair, Pair],
  name?: string,
): SymbolicTensor {
  const sides = typeof padding === 'number' ? ([pair(padding), pair(padding)] as const) : padding
  const [rows, columns, channels] = mapShape(x)
  return callLayer(x.scope, {
    className: 'ZeroPadding2D',
    name,
    config: { padding: sides, ...layout },
    inputs: [x],
    shape: [rows + sides[0][0] + sides[0][1], columns + sides[1][0] + sides[1][1], channels],
  })
}

/** The padding that makes a `valid` stride-2 window fall as TensorFlow's checkpoints expect (`correct_pad`). */
export function strideTwoPad(x: SymbolicTensor, kernelSize: number, name: string): SymbolicTensor {
  const half = Math.floor(kernelSize / 2)
  const [rows, columns] = mapShape(x)
  return zeroPad(
    x,
    [
      [half - 1 + (rows % 2), half],
      [half - 1 + (columns % 2), half],
    ],
    name,
  )
}

export function crop(x: SymbolicTensor, cropping: readonly [Pair, Pair], name?: string): SymbolicTensor {
  const [rows, columns, channels] = mapShape(x)
  return callLayer(x.scope, {
    className: 'Cropping2D',
    name,
    config: { cropping, ...layout },
    inputs: [x],
    shape: [rows - cropping[0][0] - cropping[0][1], columns - cropping[1][0] - cropping[1][1], channels],
  })
}

function pool(
  className: string,
  x: SymbolicTensor,
  poolSize: number,
  options: WindowOptions,
): SymbolicTensor {
  const { padding = 'valid' } = options
  const window = pair(poolSize)
  const strides = pair(options.strides ?? poolSize)
  return callLayer(x.scope, {
    className,
    name: options.name,
    config: { pool_size: window, padding, strides, ...layout },
    inputs: [x],
    shape: [...slide(x, window, strides, padding), mapShape(x)[2]],
  })
}

export function maxPool(x: SymbolicTensor, poolSize: number, options: WindowOptions = {}): SymbolicTensor {
  return pool('MaxPooling2D', x, poolSize, options)
}

export function averagePool(
  x: SymbolicTensor,
  poolSize: number,
  options: WindowOptions = {},
): SymbolicTensor {
  return pool('AveragePooling2D', x, poolSize, options)
}

export function globalAveragePool(x: SymbolicTensor, name?: string, keepDims = false): SymbolicTensor {
  const channels = mapShape(x)[2]
  return callLayer(x.scope, {
    className: 'GlobalAveragePooling2D',
    name,
    config: { ...layout, keepdims: keepDims },
    inputs: [x],
    shape: keepDims ? [1, 1, channels] : [channels],
  })
}

export function add(inputs: readonly [SymbolicTensor, SymbolicTensor], name?: string): SymbolicTensor {
  const [{ scope, shape }] = inputs
  return callLayer(scope, { className: 'Add', name, config: {}, inputs, shape })
}

export function concatenate(
  inputs: readonly [SymbolicTensor, ...SymbolicTensor[]],
  options: { readonly axis?: number; readonly name?: string } = {},
): SymbolicTensor {
  const [{ scope, shape }] = inputs
  const channels = inputs.reduce((sum, x) => sum + x.shape.at(-1)!, 0)
  return callLayer(scope, {
    className: 'Concatenate',
    name: options.name,
    config: { axis: options.axis ?? -1 },
    inputs,
    shape: [...shape.slice(0, -1), channels],
  })
}

/** x + branch * scale. Keras writes it as a Lambda; `arguments.scale` tells all there is to know of its function. */
export function scaledSum(
  x: SymbolicTensor,
  branch: SymbolicTensor,
  scale: number,
  name: string,
): SymbolicTensor {
  const config = { output_shape: x.shape, output_shape_type: 'raw', arguments: { scale } }
  return callLayer(x.scope, { className: 'Lambda', name, config, inputs: [x, branch], shape: x.shape })
}

export function dropout(x: SymbolicTensor, rate: number, name: string): SymbolicTensor {
  return callLayer(x.scope, { className: 'Dropout', name, config: { rate }, inputs: [x], shape: x.shape })
}

export function reshape(x: SymbolicTensor, shape: readonly number[], name: string): SymbolicTensor {
  return callLayer(x.scope, {
    className: 'Reshape',
    name,
    config: { target_shape: shape },
    inputs: [x],
    shape,
  })
}

export function flatten(x: SymbolicTensor, name: string): SymbolicTensor {
  const shape = [x.shape.reduce((product, axis) => product * axis, 1)]
  return callLayer(x.scope, { className: 'Flatten', name, config: layout, inputs: [x], shape })
}

export function dense(x: SymbolicTensor, units: number, kind: string, name: string): SymbolicTensor {
  return callLayer(x.scope, {
    className: 'Dense',
    name,
    config: { units, activation: kind, use_bias: true },
    inputs: [x],
    shape: [units],
    weights: [weight('kernel', [x.shape.at(-1)!, units]), weight('bias', [units])],
  })
}
