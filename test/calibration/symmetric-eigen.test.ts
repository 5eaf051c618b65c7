import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { symmetricEigen } from '../../src/calibration/symmetric-eigen.ts'

const matrices = fc.integer({ min: 1, max: 14 }).chain((n) =>
  fc.record({
    n: fc.constant(n),
    half: fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: n * n, maxLength: n * n }),
  }),
)

describe('symmetricEigen', () => {
  it('gives orthonormal vectors that rebuild the matrix, largest value first', () => {
    fc.assert(
      fc.property(matrices, ({ n, half }) => {
        const matrix = Float64Array.from(half, (_, i) => half[Math.min(i, (i % n) * n + Math.floor(i / n))]!)
        const { values, vectors } = symmetricEigen(matrix, n)
        for (let i = 1; i < n; i++) expect(values[i]).toBeLessThanOrEqual(values[i - 1]!)
        for (let a = 0; a < n; a++) {
          for (let b = 0; b < n; b++) {
            let product = 0
            let rebuilt = 0
            for (let k = 0; k < n; k++) {
              product += vectors[a * n + k]! * vectors[b * n + k]!
              rebuilt += values[k]! * vectors[k * n + a]! * vectors[k * n + b]!
            }
            expect(Math.abs(product - (a === b ? 1 : 0))).toBeLessThan(1e-9)
            expect(Math.abs(rebuilt - matrix[a * n + b]!)).toBeLessThan(1e-8)
          }
        }
      }),
      {
        numRuns: 500,
        examples: [
          [{ n: 3, half: [0, 5e-324, 0, 0, 0, 0, 0, 0, 0] }],
          [{ n: 3, half: [8.881784197001238e-15, -2.5e-323, -4.135903062765132e-24, 0, 0, 0, 0, 0, 0] }],
        ],
      },
    )
  })
})
