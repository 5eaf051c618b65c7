import fc from 'fast-check'
import { expect, test } from 'vitest'
import { indicesOfLargest } from '../../src/answer/indices-of-largest.ts'

test('indicesOfLargest() are the first of all in order, of equal ones the first', () => {
  const values = fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 40 })
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 9 }), (list, count) => {
      const sorted = [...list.keys()].toSorted((a, b) => list[b]! - list[a]!).slice(0, count)
      expect(indicesOfLargest(Float32Array.from(list), count)).toEqual(sorted)
    }),
  )
})
