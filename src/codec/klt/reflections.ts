/**
 * An orthonormal matrix as a product of Householder reflections (Golub and Van Loan, Matrix Computations, 5.1): half the
 * numbers, and whatever they are rounded to, the product is orthonormal, so that a transform and its transpose undo each
 * other exactly. Reflection k is I - 2 w w' / w'w with w = (0, .., 0, 1, w[k + 1], .., w[columns - 1]), all of them from -1
 * to 1; row k of the matrix is what the reflections k, .., 0 make of the unit vector k. Rows are given up to their sign.
 *
 * | bytes | field, little endian |
 * |---|---|
 * | 2 each | for every row the largest magnitude of its w[k + 1] .., in 65535ths |
 * | 1 each | for every row its w[k + 1] .., in 127ths of that, signed |
 *
 * Any bytes are some orthonormal matrix, and what was unpacked is packed into the same bytes again. Only additions, multiplications and divisions in binary64, in a fixed order: the same bits on every machine.
 * O(rows x columns x rows).
 */
const steps = 127
const scaleSteps = 65_535

export function reflectionBytes(rows: number, columns: number): number {
  return 2 * rows + rows * (columns - 1) - (rows * (rows - 1)) / 2
}

/** @param matrix rows x columns, rows orthonormal, as many as columns at most. */
export function packReflections(
  matrix: Float32Array,
  rows: number,
  columns: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(reflectionBytes(rows, columns))
  const view = new DataView(bytes.buffer)
  // What is left of the matrix once the reflections so far are undone: each makes up for the rounding of those before.
  const left = Float64Array.from(matrix)
  const w = new Float64Array(columns)
  let at = 2 * rows
  for (let k = 0; k < rows; k++) {
    const row = left.subarray(k * columns, (k + 1) * columns)
    let square = 0
    for (let i = k; i < columns; i++) square += row[i]! * row[i]!
    const pivot = row[k]! + (row[k]! > 0 ? 1 : -1) * Math.sqrt(square)
    let largest = 0
    for (let i = k + 1; i < columns; i++) largest = Math.max(largest, Math.abs(row[i]! / pivot))
    // Not above the largest, so that its code is always the last one; packed again it is the same, a rounding error less.
    let scale = Math.floor(scaleSteps * largest + 0.01)
    let sum = 0
    for (let i = k + 1; i < columns; i++, at++) {
      const code = scale === 0 ? 0 : Math.round((steps * scaleSteps * row[i]!) / pivot / scale)
      view.setInt8(at, Math.max(-steps, Math.min(steps, code)))
      sum += view.getInt8(at) ** 2
    }
    // A longer one would be that of the row of the other sign.
    const longest = (steps * scaleSteps) / Math.sqrt(sum)
    if (scale > longest) scale = Math.floor(longest)
    view.setUint16(2 * k, scale, true)
    readReflection(view, k, columns, at - (columns - 1 - k), w)
    reflect(left, w, k + 1, rows, k, columns)
  }
  return bytes
}

/** @param bytes {@link reflectionBytes} of them. */
export function unpackReflections(
  bytes: Uint8Array,
  rows: number,
  columns: number,
): Float32Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const matrix = new Float64Array(rows * columns)
  for (let k = 0; k < rows; k++) matrix[k * columns + k] = 1
  const w = new Float64Array(columns)
  let at = reflectionBytes(rows, columns)
  for (let k = rows - 1; k >= 0; k--) {
    at -= columns - 1 - k
    readReflection(view, k, columns, at, w)
    reflect(matrix, w, k, rows, k, columns)
  }
  return Float32Array.from(matrix)
}

/** Reads what is not 0 of w of row `k`; its codes lie at `at`. */
function readReflection(view: DataView, k: number, columns: number, at: number, w: Float64Array): void {
  const scale = view.getUint16(2 * k, true) / scaleSteps
  w[k] = 1
  for (let i = k + 1; i < columns; i++) w[i] = (scale * view.getInt8(at + i - k - 1)) / steps
}

/** Applies reflection `k` to the rows from `first` on. */
function reflect(
  matrix: Float64Array,
  w: Float64Array,
  first: number,
  rows: number,
  k: number,
  columns: number,
): void {
  let square = 0
  for (let i = k; i < columns; i++) square += w[i]! * w[i]!
  for (let j = first; j < rows; j++) {
    const row = j * columns
    let product = 0
    for (let i = k; i < columns; i++) product += w[i]! * matrix[row + i]!
    const factor = (2 * product) / square
    for (let i = k; i < columns; i++) matrix[row + i] = matrix[row + i]! - factor * w[i]!
  }
}
