import { describe, expect, it } from 'vitest'
import { symmetricEigen } from '../../../src/calibration/symmetric-eigen.ts'
import { packReflections, reflectionBytes, unpackReflections } from '../../../src/codec/klt/reflections.ts'

function randomStream(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** The first rows of a basis as calibration finds one. */
function learnedBasis(rows: number, columns: number, seed = 1): Float32Array {
  const random = randomStream(seed)
  const samples = Array.from({ length: 2 * columns }, () => Array.from({ length: columns }, random))
  const covariance = new Float64Array(columns * columns)
  for (const sample of samples)
    for (let a = 0; a < columns; a++)
      for (let b = 0; b < columns; b++) covariance[a * columns + b]! += sample[a]! * sample[b]!
  return Float32Array.from(symmetricEigen(covariance, columns).vectors.subarray(0, rows * columns))
}

function products(a: Float32Array, b: Float32Array, rows: number): number[][] {
  const columns = a.length / rows
  const row = (matrix: Float32Array, k: number) => matrix.subarray(k * columns, (k + 1) * columns)
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
  return Array.from({ length: rows }, (_, k) =>
    Array.from({ length: rows }, (__, j) => dot(row(a, k), row(b, j))),
  )
}

function offIdentity(gram: readonly (readonly number[])[]): number {
  return Math.max(...gram.flatMap((row, k) => row.map((value, j) => Math.abs(value - (j === k ? 1 : 0)))))
}

describe('reflections', () => {
  it.each([
    [1, 1],
    [1, 5],
    [7, 7],
    [30, 48],
    [48, 48],
  ])('keep %i rows of %i columns up to their signs, within 2 %%, in half the numbers', (rows, columns) => {
    const matrix = learnedBasis(rows, columns)
    const bytes = packReflections(matrix, rows, columns)
    expect(bytes.length).toBe(reflectionBytes(rows, columns))
    const back = unpackReflections(bytes, rows, columns)
    expect(offIdentity(products(back, back, rows))).toBeLessThan(1e-6)
    for (const [k, row] of products(matrix, back, rows).entries())
      expect(Math.abs(row[k]!)).toBeGreaterThan(1 - 0.02 ** 2 / 2)
  })

  it('pack what was unpacked into the same bytes', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const bytes = packReflections(learnedBasis(12, 16, seed), 12, 16)
      expect(packReflections(unpackReflections(bytes, 12, 16), 12, 16)).toEqual(bytes)
    }
  })

  it('make an orthonormal matrix of any bytes', () => {
    const random = randomStream(5)
    for (let round = 0; round < 20; round++) {
      const bytes = Uint8Array.from({ length: reflectionBytes(9, 14) }, () => 256 * random())
      const matrix = unpackReflections(bytes, 9, 14)
      expect(offIdentity(products(matrix, matrix, 9))).toBeLessThan(1e-6)
    }
  })
})
