import { activation, dropout, globalAveragePool, input, relu6, reshape, zeroPad } from './layers.ts'
import { type BuiltTopology, closeScope, openScope } from './topology-builder.ts'
import { batchNorm, conv2d, depthwiseConv2d } from './weighted-layers.ts'

/** Filters and stride of the 13 depthwise-separable blocks. */
const blocks = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
] as const

/** MobileNet v1 1.0 (Howard et al., arXiv 1704.04861) of Keras 2.9: 91 layers, 224x224x3 to 1000 classes. */
export function buildMobileNet(): BuiltTopology {
  return build('today')
}

/**
 * The same network as Keras 2.2 builds it (the talk's): 93 layers, with a padding layer before the first
 * convolution and a reshape after the pooling, and softmax before the last reshape.
 */
export function buildMobileNetKeras22(): BuiltTopology {
  return build('keras 2.2')
}

function build(form: 'today' | 'keras 2.2'): BuiltTopology {
  const old = form === 'keras 2.2'
  const image = input(openScope(), [224, 224, 3])
  const bottomRight = [
    [0, 1],
    [0, 1],
  ] as const
  const strided = { strides: 2, bias: false, name: 'conv1' }
  let x = old
    ? conv2d(zeroPad(image, bottomRight, 'conv1_pad'), 32, 3, strided)
    : conv2d(image, 32, 3, { ...strided, padding: 'same' })
  x = relu6(batchNorm(x, { name: 'conv1_bn' }), 'conv1_relu')
  for (const [index, [filters, strides]] of blocks.entries()) {
    const block = index + 1
    if (strides === 2) x = zeroPad(x, bottomRight, `conv_pad_${block}`)
    const padding = strides === 2 ? 'valid' : 'same'
    x = depthwiseConv2d(x, 3, { strides, padding, name: `conv_dw_${block}` })
    x = relu6(batchNorm(x, { name: `conv_dw_${block}_bn` }), `conv_dw_${block}_relu`)
    x = conv2d(x, filters, 1, { padding: 'same', bias: false, name: `conv_pw_${block}` })
    x = relu6(batchNorm(x, { name: `conv_pw_${block}_bn` }), `conv_pw_${block}_relu`)
  }
  x = old ? reshape(globalAveragePool(x), [1, 1, 1024], 'reshape_1') : globalAveragePool(x, undefined, true)
  x = conv2d(dropout(x, 1e-3, 'dropout'), 1000, 1, { padding: 'same', name: 'conv_preds' })
  x = old
    ? reshape(activation(x, 'softmax', 'act_softmax'), [1000], 'reshape_2')
    : activation(reshape(x, [1000], 'reshape_2'), 'softmax', 'predictions')
  return closeScope('mobilenet_1.00_224', image, x)
}
