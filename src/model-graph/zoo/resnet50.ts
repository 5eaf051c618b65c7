import { activation, add, globalAveragePool, input, maxPool, zeroPad } from './layers.ts'
import { type BuiltTopology, closeScope, openScope, type SymbolicTensor } from './topology-builder.ts'
import { batchNorm, conv2d, dense } from './weighted-layers.ts'

/** Blocks per stage; stage s has 64 * 2^s inner filters and four times as many outer ones. */
const stages = [3, 4, 6, 3] as const

/**
 * ResNet50 (He et al., arXiv 1512.03385) as Keras 2.9 names it: 177 layers, 224x224x3 to 1000 classes. The stride
 * is in the first 1x1 convolution of a block.
 */
export function buildResNet50(): BuiltTopology {
  const norm = (x: SymbolicTensor, name: string) => batchNorm(x, { epsilon: 1.001e-5, name })
  const image = input(openScope(), [224, 224, 3])
  let x = conv2d(zeroPad(image, 3, 'conv1_pad'), 64, 7, { strides: 2, name: 'conv1_conv' })
  x = activation(norm(x, 'conv1_bn'), 'relu', 'conv1_relu')
  x = maxPool(zeroPad(x, 1, 'pool1_pad'), 3, { strides: 2, name: 'pool1_pool' })
  for (const [stage, blocks] of stages.entries()) {
    for (let block = 1; block <= blocks; block++) {
      const name = `conv${stage + 2}_block${block}`
      const filters = 64 << stage
      const strides = block === 1 && stage > 0 ? 2 : 1
      const shortcut =
        block === 1 ? norm(conv2d(x, 4 * filters, 1, { strides, name: `${name}_0_conv` }), `${name}_0_bn`) : x
      x = conv2d(x, filters, 1, { strides, name: `${name}_1_conv` })
      x = activation(norm(x, `${name}_1_bn`), 'relu', `${name}_1_relu`)
      x = conv2d(x, filters, 3, { padding: 'same', name: `${name}_2_conv` })
      x = activation(norm(x, `${name}_2_bn`), 'relu', `${name}_2_relu`)
      x = norm(conv2d(x, 4 * filters, 1, { name: `${name}_3_conv` }), `${name}_3_bn`)
      x = activation(add([shortcut, x], `${name}_add`), 'relu', `${name}_out`)
    }
  }
  x = globalAveragePool(x, 'avg_pool')
  return closeScope('resnet50', image, dense(x, 1000, 'softmax', 'predictions'))
}

/**
 * The same network as Keras 2.2 names and orders it (the talk's): 177 layers, the sum reads the branch before the
 * shortcut, batch norm has epsilon 1e-3.
 */
export function buildResNet50Keras22(): BuiltTopology {
  const image = input(openScope(), [224, 224, 3])
  let x = conv2d(zeroPad(image, 3, 'conv1_pad'), 64, 7, { strides: 2, name: 'conv1' })
  x = activation(batchNorm(x, { name: 'bn_conv1' }), 'relu')
  x = maxPool(zeroPad(x, 1, 'pool1_pad'), 3, { strides: 2 })
  for (const [stage, blocks] of stages.entries()) {
    for (let block = 0; block < blocks; block++) {
      const name = `${stage + 2}${'abcdef'[block]!}_branch`
      const filters = 64 << stage
      const strides = block === 0 && stage > 0 ? 2 : 1
      const norm = (y: SymbolicTensor, branch: string) => batchNorm(y, { name: `bn${name}${branch}` })
      let y = norm(conv2d(x, filters, 1, { strides, name: `res${name}2a` }), '2a')
      y = conv2d(activation(y, 'relu'), filters, 3, { padding: 'same', name: `res${name}2b` })
      y = activation(norm(y, '2b'), 'relu')
      y = norm(conv2d(y, 4 * filters, 1, { name: `res${name}2c` }), '2c')
      const shortcut =
        block === 0 ? norm(conv2d(x, 4 * filters, 1, { strides, name: `res${name}1` }), '1') : x
      x = activation(add([y, shortcut]), 'relu')
    }
  }
  x = globalAveragePool(x, 'avg_pool')
  return closeScope('resnet50', image, dense(x, 1000, 'softmax', 'fc1000'))
}
