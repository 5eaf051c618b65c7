/**
 * `out`[i * rightRows + j] += row i of `left` times row j of `right`, each `length` long: a product of matrices of
 * which the second lies transposed. Four rows by four, because sixteen sums stay in registers while eight values are
 * loaded: about twice as fast as row by row. All three are binary64, because V8 compiles the inner loop for one kind
 * of array. O(leftRows x rightRows x length).
 */
export function addRowProducts(
  left: Float64Array,
  leftRows: number,
  right: Float64Array,
  rightRows: number,
  length: number,
  out: Float64Array,
): void {
  for (let i = 0; i < leftRows; i += 4) {
    for (let j = 0; j < rightRows; j += 4) {
      if (i + 4 <= leftRows && j + 4 <= rightRows)
        addBlock(left, i * length, right, j * length, length, out, i * rightRows + j, rightRows)
      else addEdge(left, i, leftRows, right, j, rightRows, length, out)
    }
  }
}

/** Adds the lower half of rows * rows^T; some entries of the upper half change, too. */
export function addGram(rows: Float64Array, n: number, length: number, out: Float64Array): void {
  for (let i = 0; i < n; i += 4) {
    for (let j = 0; j <= i; j += 4) {
      if (i + 4 <= n) addBlock(rows, i * length, rows, j * length, length, out, i * n + j, n)
      else addEdge(rows, i, n, rows, j, n, length, out)
    }
  }
}

function addBlock(
  left: Float64Array,
  a0: number,
  right: Float64Array,
  b0: number,
  length: number,
  out: Float64Array,
  at: number,
  stride: number,
): void {
  const a1 = a0 + length
  const a2 = a1 + length
  const a3 = a2 + length
  const b1 = b0 + length
  const b2 = b1 + length
  const b3 = b2 + length
  let s00 = 0
  let s01 = 0
  let s02 = 0
  let s03 = 0
  let s10 = 0
  let s11 = 0
  let s12 = 0
  let s13 = 0
  let s20 = 0
  let s21 = 0
  let s22 = 0
  let s23 = 0
  let s30 = 0
  let s31 = 0
  let s32 = 0
  let s33 = 0
  for (let x = 0; x < length; x++) {
    const p = right[b0 + x]!
    const q = right[b1 + x]!
    const r = right[b2 + x]!
    const s = right[b3 + x]!
    let factor = left[a0 + x]!
    s00 += factor * p
    s01 += factor * q
    s02 += factor * r
    s03 += factor * s
    factor = left[a1 + x]!
    s10 += factor * p
    s11 += factor * q
    s12 += factor * r
    s13 += factor * s
    factor = left[a2 + x]!
    s20 += factor * p
    s21 += factor * q
    s22 += factor * r
    s23 += factor * s
    factor = left[a3 + x]!
    s30 += factor * p
    s31 += factor * q
    s32 += factor * r
    s33 += factor * s
  }
  addFour(out, at, s00, s01, s02, s03)
  addFour(out, at + stride, s10, s11, s12, s13)
  addFour(out, at + 2 * stride, s20, s21, s22, s23)
  addFour(out, at + 3 * stride, s30, s31, s32, s33)
}

function addFour(out: Float64Array, at: number, a: number, b: number, c: number, d: number): void {
  out[at] = out[at]! + a
  out[at + 1] = out[at + 1]! + b
  out[at + 2] = out[at + 2]! + c
  out[at + 3] = out[at + 3]! + d
}

/** What is left of a block at the lower or right edge. */
function addEdge(
  left: Float64Array,
  i0: number,
  leftRows: number,
  right: Float64Array,
  j0: number,
  rightRows: number,
  length: number,
  out: Float64Array,
): void {
  for (let i = i0; i < Math.min(i0 + 4, leftRows); i++) {
    for (let j = j0; j < Math.min(j0 + 4, rightRows); j++) {
      let sum = 0
      for (let x = 0; x < length; x++) sum += left[i * length + x]! * right[j * length + x]!
      out[i * rightRows + j] = out[i * rightRows + j]! + sum
    }
  }
}
