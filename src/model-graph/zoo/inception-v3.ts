import { activation, averagePool, concatenate, globalAveragePool, input, maxPool } from './layers.ts'
import { type BuiltTopology, closeScope, openScope, type SymbolicTensor } from './topology-builder.ts'
import { batchNorm, conv2d, dense } from './weighted-layers.ts'
import type { Size, WindowOptions } from './windows.ts'

/** InceptionV3 (Szegedy et al., arXiv 1512.00567) of Keras 2.9: 313 layers, 299x299x3 to 1000 classes. */
export function buildInceptionV3(): BuiltTopology {
  const image = input(openScope(), [299, 299, 3])
  let x = unit(image, 32, 3, { strides: 2, padding: 'valid' })
  x = unit(unit(x, 32, 3, { padding: 'valid' }), 64, 3)
  x = unit(maxPool(x, 3, { strides: 2 }), 80, 1, { padding: 'valid' })
  x = maxPool(unit(x, 192, 3, { padding: 'valid' }), 3, { strides: 2 })
  for (const [index, pooled] of [32, 64, 64].entries()) x = smallCell(x, pooled, `mixed${index}`)
  x = firstReduction(x)
  for (const [index, inner] of [128, 160, 160, 192].entries()) x = wideCell(x, inner, `mixed${index + 4}`)
  x = secondReduction(x)
  for (const index of [0, 1]) x = forkedCell(x, index)
  x = globalAveragePool(x, 'avg_pool')
  return closeScope('inception_v3', image, dense(x, 1000, 'softmax', 'predictions'))
}

/** Convolution, batch norm without gamma, ReLU. */
function unit(x: SymbolicTensor, filters: number, kernel: Size, options: WindowOptions = {}): SymbolicTensor {
  const convolved = conv2d(x, filters, kernel, { padding: 'same', ...options, bias: false })
  return activation(batchNorm(convolved, { scale: false }), 'relu')
}

function pooled(x: SymbolicTensor, filters: number): SymbolicTensor {
  return unit(averagePool(x, 3, { strides: 1, padding: 'same' }), filters, 1)
}

const shrinking = { strides: 2, padding: 'valid' } as const

function smallCell(x: SymbolicTensor, poolFilters: number, name: string): SymbolicTensor {
  const one = unit(x, 64, 1)
  const five = unit(unit(x, 48, 1), 64, 5)
  const threes = unit(unit(unit(x, 64, 1), 96, 3), 96, 3)
  return concatenate([one, five, threes, pooled(x, poolFilters)], { axis: 3, name })
}

function firstReduction(x: SymbolicTensor): SymbolicTensor {
  const three = unit(x, 384, 3, shrinking)
  const threes = unit(unit(unit(x, 64, 1), 96, 3), 96, 3, shrinking)
  return concatenate([three, threes, maxPool(x, 3, { strides: 2 })], { axis: 3, name: 'mixed3' })
}

function wideCell(x: SymbolicTensor, inner: number, name: string): SymbolicTensor {
  const one = unit(x, 192, 1)
  const seven = unit(unit(unit(x, inner, 1), inner, [1, 7]), 192, [7, 1])
  let sevens = unit(unit(unit(x, inner, 1), inner, [7, 1]), inner, [1, 7])
  sevens = unit(unit(sevens, inner, [7, 1]), 192, [1, 7])
  return concatenate([one, seven, sevens, pooled(x, 192)], { axis: 3, name })
}

function secondReduction(x: SymbolicTensor): SymbolicTensor {
  const three = unit(unit(x, 192, 1), 320, 3, shrinking)
  const seven = unit(unit(unit(unit(x, 192, 1), 192, [1, 7]), 192, [7, 1]), 192, 3, shrinking)
  return concatenate([three, seven, maxPool(x, 3, { strides: 2 })], { axis: 3, name: 'mixed8' })
}

/** Two of its four branches fork again. */
function forkedCell(x: SymbolicTensor, index: number): SymbolicTensor {
  const fork = (y: SymbolicTensor, name?: string) =>
    concatenate([unit(y, 384, [1, 3]), unit(y, 384, [3, 1])], {
      axis: 3,
      ...(name !== undefined && { name }),
    })
  const one = unit(x, 320, 1)
  const three = fork(unit(x, 384, 1), `mixed9_${index}`)
  const threes = fork(unit(unit(x, 448, 1), 384, 3))
  return concatenate([one, three, threes, pooled(x, 192)], { axis: 3, name: `mixed${9 + index}` })
}
