import {
  activation,
  averagePool,
  concatenate,
  globalAveragePool,
  input,
  maxPool,
  scaledSum,
} from './layers.ts'
import { type BuiltTopology, closeScope, openScope, type SymbolicTensor } from './topology-builder.ts'
import { batchNorm, conv2d, dense } from './weighted-layers.ts'
import type { Size, WindowOptions } from './windows.ts'

/** InceptionResNetV2 (Szegedy et al., arXiv 1602.07261) of Keras: 782 layers, 299x299x3 to 1000 classes. */
export function buildInceptionResNetV2(): BuiltTopology {
  const image = input(openScope(), [299, 299, 3])
  let x = unit(image, 32, 3, shrinking)
  x = unit(unit(x, 32, 3, { padding: 'valid' }), 64, 3)
  x = unit(maxPool(x, 3, { strides: 2 }), 80, 1, { padding: 'valid' })
  x = maxPool(unit(x, 192, 3, { padding: 'valid' }), 3, { strides: 2 })
  x = inception(x)
  for (let block = 1; block <= 10; block++) x = residual(x, `block35_${block}`, 0.17, branches35)
  x = firstReduction(x)
  for (let block = 1; block <= 20; block++) x = residual(x, `block17_${block}`, 0.1, branches17)
  x = secondReduction(x)
  for (let block = 1; block <= 9; block++) x = residual(x, `block8_${block}`, 0.2, branches8)
  x = residual(x, 'block8_10', 1, branches8, 'linear')
  x = globalAveragePool(unit(x, 1536, 1, { name: 'conv_7b' }), 'avg_pool')
  return closeScope('inception_resnet_v2', image, dense(x, 1000, 'softmax', 'predictions'))
}

/** Convolution, batch norm without gamma, ReLU. */
function unit(x: SymbolicTensor, filters: number, kernel: Size, options: WindowOptions = {}): SymbolicTensor {
  const { name } = options
  const convolved = conv2d(x, filters, kernel, { padding: 'same', ...options, bias: false })
  const normed = batchNorm(convolved, { scale: false, ...(name !== undefined && { name: `${name}_bn` }) })
  return activation(normed, 'relu', name === undefined ? undefined : `${name}_ac`)
}

const shrinking = { strides: 2, padding: 'valid' } as const

type Branches = readonly [SymbolicTensor, ...SymbolicTensor[]]

function inception(x: SymbolicTensor): SymbolicTensor {
  const one = unit(x, 96, 1)
  const five = unit(unit(x, 48, 1), 64, 5)
  const threes = unit(unit(unit(x, 64, 1), 96, 3), 96, 3)
  const pooled = unit(averagePool(x, 3, { strides: 1, padding: 'same' }), 64, 1)
  return concatenate([one, five, threes, pooled], { axis: 3, name: 'mixed_5b' })
}

function branches35(x: SymbolicTensor): Branches {
  return [unit(x, 32, 1), unit(unit(x, 32, 1), 32, 3), unit(unit(unit(x, 32, 1), 48, 3), 64, 3)]
}

function branches17(x: SymbolicTensor): Branches {
  return [unit(x, 192, 1), unit(unit(unit(x, 128, 1), 160, [1, 7]), 192, [7, 1])]
}

function branches8(x: SymbolicTensor): Branches {
  return [unit(x, 192, 1), unit(unit(unit(x, 192, 1), 224, [1, 3]), 256, [3, 1])]
}

function residual(
  x: SymbolicTensor,
  name: string,
  scale: number,
  branches: (x: SymbolicTensor) => Branches,
  kind: 'relu' | 'linear' = 'relu',
): SymbolicTensor {
  const mixed = concatenate(branches(x), { axis: 3, name: `${name}_mixed` })
  const up = conv2d(mixed, x.shape.at(-1)!, 1, { padding: 'same', name: `${name}_conv` })
  const sum = scaledSum(x, up, scale, name)
  return kind === 'linear' ? sum : activation(sum, kind, `${name}_ac`)
}

function firstReduction(x: SymbolicTensor): SymbolicTensor {
  const three = unit(x, 384, 3, shrinking)
  const threes = unit(unit(unit(x, 256, 1), 256, 3), 384, 3, shrinking)
  return concatenate([three, threes, maxPool(x, 3, { strides: 2 })], { axis: 3, name: 'mixed_6a' })
}

function secondReduction(x: SymbolicTensor): SymbolicTensor {
  const first = unit(unit(x, 256, 1), 384, 3, shrinking)
  const second = unit(unit(x, 256, 1), 288, 3, shrinking)
  const third = unit(unit(unit(x, 256, 1), 288, 3), 320, 3, shrinking)
  const pooled = maxPool(x, 3, { strides: 2 })
  return concatenate([first, second, third, pooled], { axis: 3, name: 'mixed_7a' })
}
