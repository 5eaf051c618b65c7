import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addGram, addRowProducts } from '../../../src/codec/klt/row-products.ts'

const sizes = fc.record({
  leftRows: fc.integer({ min: 1, max: 11 }),
  rightRows: fc.integer({ min: 1, max: 11 }),
  length: fc.integer({ min: 0, max: 9 }),
  seed: fc.integer({ min: 0, max: 1000 }),
})

/** Whole numbers, so that every order of adding gives the same sum. */
function numbers(count: number, seed: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => ((i + seed) * 7919) % 31)
}

describe('row products', () => {
  it('are those of a triple loop, added to what is there, for all sizes', () => {
    fc.assert(
      fc.property(sizes, ({ leftRows, rightRows, length, seed }) => {
        const left = numbers(leftRows * length, seed)
        const right = numbers(rightRows * length, seed + 5)
        const out = numbers(leftRows * rightRows, seed + 9)
        const expected = out.map((before, at) => {
          const i = Math.floor(at / rightRows) * length
          const j = (at % rightRows) * length
          return Array.from({ length }, (_, x) => left[i + x]! * right[j + x]!).reduce(
            (a, b) => a + b,
            before,
          )
        })
        addRowProducts(left, leftRows, right, rightRows, length, out)
        expect(out).toEqual(expected)

        const gram = new Float64Array(leftRows * leftRows)
        const whole = new Float64Array(leftRows * leftRows)
        addGram(left, leftRows, length, gram)
        addRowProducts(left, leftRows, left, leftRows, length, whole)
        for (let i = 0; i < leftRows; i++) {
          const from = i * leftRows
          expect(gram.subarray(from, from + i + 1)).toEqual(whole.subarray(from, from + i + 1))
        }
      }),
    )
  })
})
