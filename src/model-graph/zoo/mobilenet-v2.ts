import { add, globalAveragePool, input, relu6, strideTwoPad } from './layers.ts'
import { type BuiltTopology, closeScope, openScope, type SymbolicTensor } from './topology-builder.ts'
import { batchNorm, conv2d, dense, depthwiseConv2d } from './weighted-layers.ts'

/** Output channels, stride and number of blocks of each stage; expansion is 6, and 1 in the first block. */
const stages = [
  [16, 1, 1],
  [24, 2, 2],
  [32, 2, 3],
  [64, 2, 4],
  [96, 1, 3],
  [160, 2, 3],
  [320, 1, 1],
] as const

/** MobileNetV2 1.0 (Sandler et al., arXiv 1801.04381) of Keras 2.9: 156 layers, 224x224x3 to 1000 classes. */
export function buildMobileNetV2(): BuiltTopology {
  const image = input(openScope(), [224, 224, 3])
  let x = conv2d(image, 32, 3, { strides: 2, padding: 'same', bias: false, name: 'Conv1' })
  x = relu6(norm(x, 'bn_Conv1'), 'Conv1_relu')
  let block = 0
  for (const [channels, stride, repeats] of stages) {
    for (let repeat = 0; repeat < repeats; repeat++) {
      x = invertedResidual(x, channels, repeat === 0 ? stride : 1, block++)
    }
  }
  x = conv2d(x, 1280, 1, { bias: false, name: 'Conv_1' })
  x = globalAveragePool(relu6(norm(x, 'Conv_1_bn'), 'out_relu'))
  return closeScope('mobilenetv2_1.00_224', image, dense(x, 1000, 'softmax', 'predictions'))
}

function norm(x: SymbolicTensor, name: string): SymbolicTensor {
  return batchNorm(x, { momentum: 0.999, name })
}

function invertedResidual(
  x: SymbolicTensor,
  channels: number,
  stride: number,
  block: number,
): SymbolicTensor {
  const prefix = block === 0 ? 'expanded_conv_' : `block_${block}_`
  const inner = { padding: 'same', bias: false } as const
  let y = x
  if (block > 0) {
    y = conv2d(y, 6 * x.shape.at(-1)!, 1, { ...inner, name: `${prefix}expand` })
    y = relu6(norm(y, `${prefix}expand_BN`), `${prefix}expand_relu`)
  }
  if (stride === 2) y = strideTwoPad(y, 3, `${prefix}pad`)
  const padding = stride === 2 ? 'valid' : 'same'
  y = depthwiseConv2d(y, 3, { strides: stride, padding, name: `${prefix}depthwise` })
  y = relu6(norm(y, `${prefix}depthwise_BN`), `${prefix}depthwise_relu`)
  y = norm(conv2d(y, channels, 1, { ...inner, name: `${prefix}project` }), `${prefix}project_BN`)
  return stride === 1 && x.shape.at(-1) === channels ? add([x, y], `${prefix}add`) : y
}
