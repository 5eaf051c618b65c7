/**
 * Reorders a kernel [positions, inputs, outputs] (Keras, the window's rows and columns taken together) to
 * [outputs, inputs, positions] (ONNX), each output multiplied by its `scale` where one is given.
 */
export function outputsFirst(
  kernel: Float32Array,
  positions: number,
  inputs: number,
  outputs: number,
  scale?: Float32Array,
): Float32Array<ArrayBuffer> {
  const reordered = new Float32Array(kernel.length)
  let source = 0
  for (let position = 0; position < positions; position += 1) {
    for (let input = 0; input < inputs; input += 1) {
      let target = input * positions + position
      for (let output = 0; output < outputs; output += 1) {
        reordered[target] = kernel[source]! * (scale === undefined ? 1 : scale[output]!)
        source += 1
        target += inputs * positions
      }
    }
  }
  return reordered
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
