import { exchangeAxes } from '../../tensor/exchange-axes.ts'

/** Edge of a tile, in values: 32 x 32 x 4 bytes, twice, fit into any first-level cache. */
const tile = 32

/**
 * Reorders a kernel [positions, inputs, outputs] (Keras, the window's rows and columns taken together) to
 * [outputs, inputs, positions] (ONNX), each output multiplied by its `scale` where one is given.
 * @param to Where it is written.
 */
export function outputsFirst(
  kernel: Float32Array,
  positions: number,
  inputs: number,
  outputs: number,
  scale?: Float32Array,
  to: Float32Array<ArrayBuffer> = new Float32Array(kernel.length),
): Float32Array<ArrayBuffer> {
  const row = positions * inputs
  if (positions === 1) {
    exchangeAxes(kernel, inputs, outputs, to)
    return scale === undefined ? to : scaleBlocks(to, scale)
  }
  // In tiles: one side of a transposition always strides, and a tile of both stays in the cache.
  for (let firstRow = 0; firstRow < row; firstRow += tile) {
    const endRow = Math.min(firstRow + tile, row)
    for (let firstOutput = 0; firstOutput < outputs; firstOutput += tile) {
      const endOutput = Math.min(firstOutput + tile, outputs)
      for (let source = firstRow; source < endRow; source += 1) {
        const target = (source % inputs) * positions + Math.floor(source / inputs)
        for (let output = firstOutput; output < endOutput; output += 1) {
          to[output * row + target] = kernel[source * outputs + output]!
        }
      }
    }
  }
  return scale === undefined ? to : scaleBlocks(to, scale)
}

/** Multiplies block i of `scale.length` equal blocks by scale[i], in place. */
function scaleBlocks(values: Float32Array<ArrayBuffer>, scale: Float32Array): Float32Array<ArrayBuffer> {
  const size = values.length / scale.length
  for (const [block, factor] of scale.entries()) {
    for (let i = block * size; i < (block + 1) * size; i += 1) values[i]! *= factor
  }
  return values
}

/** Multiplies column j of a row-major matrix with `scale.length` columns by scale[j], in place. */
export function scaleColumns(
  matrix: Float32Array<ArrayBuffer>,
  scale: Float32Array,
): Float32Array<ArrayBuffer> {
  const columns = scale.length
  for (let row = 0; row < matrix.length; row += columns) {
    for (let column = 0; column < columns; column += 1) matrix[row + column]! *= scale[column]!
  }
  return matrix
}
