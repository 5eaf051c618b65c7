import { residualScale } from '../../model-graph/layers/elementwise-layers.ts'
import {
  axisOf,
  finiteNumber,
  integers,
  layerError,
  margins,
  oneOf,
  pair,
} from '../../model-graph/layers/layer-config.ts'
import { computed, type LayerCall, type MakeLayer, nameOf } from './layer-call.ts'
import type { TensorFlow, TfLayer } from './tensorflow-js.ts'
import {
  activationOf,
  makeBatchNorm,
  makeConv,
  makeConvTranspose,
  makeDense,
  makeDepthwiseConv,
  makeSeparableConv,
} from './weighted-layers.ts'

const makeActivation: MakeLayer = (tf, call) => {
  if (call.config.config['activation'] === 'exponential') return computed(tf, call, ([x]) => tf.exp(x!))
  return tf.layers['activation']!({ activation: activationOf(call.config), name: nameOf(call.layer) })
}

const makeRelu: MakeLayer = (tf, call) => {
  const { config, layer } = call
  if (finiteNumber(config, 'threshold', 0) !== 0) throw layerError(config, 'threshold must be 0')
  const slope = finiteNumber(config, 'negative_slope', 0)
  const limited = config.config['max_value'] != null
  const maxValue = limited ? finiteNumber(config, 'max_value', 0) : undefined
  if (slope === 0) return tf.layers['reLU']!({ maxValue, name: nameOf(layer) })
  return computed(tf, call, ([x]) => {
    const leaky = tf.leakyRelu(x!, slope)
    return maxValue === undefined ? leaky : tf.minimum(leaky, maxValue)
  })
}

const makeLeakyRelu: MakeLayer = (tf, { config, layer }) =>
  tf.layers['leakyReLU']!({
    alpha: finiteNumber(config, 'alpha', finiteNumber(config, 'negative_slope', 0.3)),
    name: nameOf(layer),
  })

/** TensorFlow.js's own knows no alpha but 1. */
const makeElu: MakeLayer = (tf, call) => {
  const alpha = finiteNumber(call.config, 'alpha', 1)
  return computed(tf, call, ([x]) => tf.add(tf.relu(x!), tf.mul(tf.sub(tf.exp(tf.minimum(x!, 0)), 1), alpha)))
}

const makeSoftmax: MakeLayer = (tf, { config, layer, output }) => {
  const rank = output.shape.length
  if (axisOf(config, 'axis', rank) !== rank - 1)
    throw layerError(config, 'on engine tensorflow axis must be the last')
  return tf.layers['activation']!({ activation: 'softmax', name: nameOf(layer) })
}

const makeRescaling: MakeLayer = (tf, call) => {
  const factor = (key: string, fallback: number): Float32Array => {
    const raw = call.config.config[key] ?? fallback
    const values: unknown[] = Array.isArray(raw) ? raw : [raw]
    if (!values.every((value) => typeof value === 'number' && Number.isFinite(value)))
      throw layerError(call.config, `${key} must be a number or one per channel`)
    return Float32Array.from(values as number[])
  }
  const [scale, offset] = [factor('scale', 1), factor('offset', 0)]
  const constant = (values: Float32Array) => tf.tensor(values, [values.length], 'float32')
  return computed(tf, call, ([x]) => tf.add(tf.mul(x!, constant(scale)), constant(offset)))
}

const makeIdle: MakeLayer = (tf, { layer }) =>
  tf.layers['activation']!({ activation: 'linear', name: nameOf(layer) })

function merge(factory: string): MakeLayer {
  return (tf, { layer }) => tf.layers[factory]!({ name: nameOf(layer) })
}

const makeSubtract: MakeLayer = (tf, call) => computed(tf, call, ([a, b]) => tf.sub(a!, b!))

const makeConcatenate: MakeLayer = (tf, { config, layer, output }) =>
  tf.layers['concatenate']!({ axis: 1 + axisOf(config, 'axis', output.shape.length), name: nameOf(layer) })

/** The residual scaling of InceptionResNetV2; its bytecode is never run. */
const makeResidualScale: MakeLayer = (tf, call) => {
  const scale = residualScale(call.config)
  return computed(tf, call, ([straight, branch]) => tf.add(straight!, tf.mul(branch!, scale)))
}

function pool(factory: string): MakeLayer {
  return (tf, { config, layer }) => {
    const poolSize = pair(config, 'pool_size', 2)
    const padding = oneOf(config, 'padding', ['same', 'valid'], 'valid')
    return tf.layers[factory]!({
      poolSize,
      strides: pair(config, 'strides', poolSize),
      padding,
      name: nameOf(layer),
    })
  }
}

function globalPool(factory: string, reduce: 'mean' | 'max'): MakeLayer {
  return (tf, call) => {
    if (call.output.shape.length === 1) return tf.layers[factory]!({ name: nameOf(call.layer) })
    return computed(tf, call, ([x]) => tf[reduce](x!, [1, 2], true))
  }
}

function marginsLayer(factory: string, key: 'padding' | 'cropping'): MakeLayer {
  return (tf, { config, layer }) => {
    const [top, bottom, left, right] = margins(config, key)
    return tf.layers[factory]!({
      [key]: [
        [top, bottom],
        [left, right],
      ],
      name: nameOf(layer),
    })
  }
}

const makeUpSampling: MakeLayer = (tf, call) => {
  const size = pair(call.config, 'size', 2)
  const nearest = oneOf(call.config, 'interpolation', ['nearest', 'bilinear'], 'nearest') === 'nearest'
  if (nearest) return tf.layers['upSampling2d']!({ size, name: nameOf(call.layer) })
  const [rows, columns] = call.output.shape
  // Keras samples at the middles of pixels, TensorFlow.js's layer at their corners.
  return computed(tf, call, ([x]) => tf.image.resizeBilinear(x!, [rows!, columns!], false, true))
}

const makeReshape: MakeLayer = (tf, { layer, output }) =>
  tf.layers['reshape']!({ targetShape: output.shape, name: nameOf(layer) })

const makePermute: MakeLayer = (tf, { config, layer }) =>
  tf.layers['permute']!({ dims: integers(config, 'dims'), name: nameOf(layer) })

const makers = new Map<string, MakeLayer>([
  ['Conv2D', makeConv],
  ['DepthwiseConv2D', makeDepthwiseConv],
  ['SeparableConv2D', makeSeparableConv],
  ['Conv2DTranspose', makeConvTranspose],
  ['Dense', makeDense],
  ['BatchNormalization', makeBatchNorm],
  ['Activation', makeActivation],
  ['ReLU', makeRelu],
  ['LeakyReLU', makeLeakyRelu],
  ['ELU', makeElu],
  ['Softmax', makeSoftmax],
  ['Rescaling', makeRescaling],
  ['Dropout', makeIdle],
  ['SpatialDropout2D', makeIdle],
  ['GaussianNoise', makeIdle],
  ['GaussianDropout', makeIdle],
  ['Add', merge('add')],
  ['Multiply', merge('multiply')],
  ['Average', merge('average')],
  ['Maximum', merge('maximum')],
  ['Minimum', merge('minimum')],
  ['Subtract', makeSubtract],
  ['Concatenate', makeConcatenate],
  ['Lambda', makeResidualScale],
  ['CustomScaleLayer', makeResidualScale],
  ['MaxPooling2D', pool('maxPooling2d')],
  ['AveragePooling2D', pool('averagePooling2d')],
  ['GlobalMaxPooling2D', globalPool('globalMaxPooling2d', 'max')],
  ['GlobalAveragePooling2D', globalPool('globalAveragePooling2d', 'mean')],
  ['ZeroPadding2D', marginsLayer('zeroPadding2d', 'padding')],
  ['Cropping2D', marginsLayer('cropping2D', 'cropping')],
  ['UpSampling2D', makeUpSampling],
  ['Flatten', makeReshape],
  ['Reshape', makeReshape],
  ['Permute', makePermute],
])

/**
 * The TensorFlow.js layer of a Keras layer, weights unset.
 * @throws {TypeError} for a class or setting that TensorFlow.js cannot compute.
 */
export function makeLayer(tf: TensorFlow, call: LayerCall): TfLayer {
  const make = makers.get(call.layer.type)
  if (make === undefined) throw layerError(call.config, 'engine tensorflow must know its class')
  return make(tf, call)
}
