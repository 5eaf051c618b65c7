import {
  finiteNumber,
  flag,
  type LayerConfig,
  layerError,
  oneOf,
  pair,
  positiveInteger,
} from '../../model-graph/layers/layer-config.ts'
import { type LayerCall, type MakeLayer, nameOf } from './layer-call.ts'

/** Activations by Keras's name, in TensorFlow.js's; `exponential` it has not. */
const activations: Readonly<Record<string, string>> = {
  linear: 'linear',
  relu: 'relu',
  relu6: 'relu6',
  sigmoid: 'sigmoid',
  hard_sigmoid: 'hardSigmoid',
  tanh: 'tanh',
  softmax: 'softmax',
  swish: 'swish',
  silu: 'swish',
  elu: 'elu',
  selu: 'selu',
  softplus: 'softplus',
  softsign: 'softsign',
}

export function activationOf(config: LayerConfig): string {
  const kind = config.config['activation'] ?? 'linear'
  const found = typeof kind === 'string' ? activations[kind] : undefined
  if (found === undefined)
    throw layerError(config, `engine tensorflow has no activation ${JSON.stringify(kind)}`)
  return found
}

/** Weights are written after the layer is built: drawing them at random first would take seconds. */
const unset = {
  biasInitializer: 'zeros',
  kernelInitializer: 'zeros',
}

function windowOf({ config }: LayerCall): Record<string, unknown> {
  return {
    ...unset,
    kernelSize: pair(config, 'kernel_size'),
    strides: pair(config, 'strides', 1),
    padding: oneOf(config, 'padding', ['same', 'valid'], 'valid'),
    dilationRate: pair(config, 'dilation_rate', 1),
    useBias: flag(config, 'use_bias', true),
    activation: activationOf(config),
  }
}

/** libtensorflow's depthwise kernel wants one stride for both axes, TensorFlow.js's layer knows no dilation. */
function requireSquare({ config }: LayerCall): void {
  const [rows, columns] = pair(config, 'strides', 1)
  const dilated = pair(config, 'dilation_rate', 1).some((rate) => rate !== 1)
  if (rows !== columns || dilated)
    throw layerError(config, 'on engine tensorflow strides must be equal and dilation_rate must be 1')
}

export const makeConv: MakeLayer = (tf, call) => {
  const groups = positiveInteger(call.config, 'groups', 1)
  if (groups !== 1)
    throw layerError(call.config, `on engine tensorflow groups must be 1, current value is ${groups}`)
  const filters = positiveInteger(call.config, 'filters')
  return tf.layers['conv2d']!({ ...windowOf(call), filters, name: nameOf(call.layer) })
}

export const makeDepthwiseConv: MakeLayer = (tf, call) => {
  requireSquare(call)
  const depthMultiplier = positiveInteger(call.config, 'depth_multiplier', 1)
  return tf.layers['depthwiseConv2d']!({
    ...windowOf(call),
    depthwiseInitializer: 'zeros',
    depthMultiplier,
    name: nameOf(call.layer),
  })
}

export const makeSeparableConv: MakeLayer = (tf, call) => {
  requireSquare(call)
  const depthMultiplier = positiveInteger(call.config, 'depth_multiplier', 1)
  const filters = positiveInteger(call.config, 'filters')
  const { kernelInitializer: _, ...window } = windowOf(call)
  return tf.layers['separableConv2d']!({
    ...window,
    depthwiseInitializer: 'zeros',
    pointwiseInitializer: 'zeros',
    filters,
    depthMultiplier,
    name: nameOf(call.layer),
  })
}

export const makeConvTranspose: MakeLayer = (tf, call) => {
  const filters = positiveInteger(call.config, 'filters')
  const { dilationRate: _, ...window } = windowOf(call)
  return tf.layers['conv2dTranspose']!({ ...window, filters, name: nameOf(call.layer) })
}

export const makeDense: MakeLayer = (tf, { config, layer }) =>
  tf.layers['dense']!({
    ...unset,
    units: positiveInteger(config, 'units'),
    useBias: flag(config, 'use_bias', true),
    activation: activationOf(config),
    name: nameOf(layer),
  })

export const makeBatchNorm: MakeLayer = (tf, { config, layer }) =>
  tf.layers['batchNormalization']!({
    epsilon: finiteNumber(config, 'epsilon', 1e-3),
    scale: flag(config, 'scale', true),
    center: flag(config, 'center', true),
    name: nameOf(layer),
  })
