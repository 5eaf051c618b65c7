/**
 * Keras layers with weights as functions over symbolic tensors (channels last, batch axis left out): each infers its
 * output's shape and its weights and writes the config keys that matter to computing, in Keras 2.9's words.
 */
import type { WeightSpec } from '../layer-graph.ts'
import { callLayer, type SymbolicTensor } from './topology-builder.ts'
import {
  layout,
  mapShape,
  type Padding,
  type Pair,
  pair,
  type Size,
  slide,
  type WindowOptions,
} from './windows.ts'

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

function weight(name: string, shape: readonly number[], trainable = true): WeightSpec {
  return { name, shape, trainable }
}

function windowConfig(kernel: Pair, strides: Pair, padding: Padding) {
  return { kernel_size: kernel, strides, padding, ...layout, dilation_rate: [1, 1] }
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
      ...windowConfig(kernel, strides, padding),
      filters,
      groups: 1,
      activation,
      use_bias: bias,
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
      ...windowConfig(kernel, strides, padding),
      activation: 'linear',
      use_bias: false,
      depth_multiplier: 1,
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
      ...windowConfig(kernel, strides, padding),
      filters,
      depth_multiplier: 1,
      activation: 'linear',
      use_bias: false,
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
