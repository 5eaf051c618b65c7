import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { splitValues, stackValues } from '../../src/executor/batch.ts'
import { elementCount } from '../../src/tensor/element-count.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'

const shapes = fc.array(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }), {
  minLength: 1,
  maxLength: 3,
})
const sizes = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 })

function values(shape: readonly number[], salt: number): TensorValue {
  const length = elementCount(shape)
  return { shape, data: Float32Array.from({ length }, (_, i) => salt * 1000 + i) }
}

test('splitValues takes apart what stackValues joined; a batch lies member after member', () => {
  fc.assert(
    fc.property(shapes, sizes, (tensors, members) => {
      const requests = members.map((size, m) =>
        tensors.map((shape, t) => values([size, ...shape], 10 * m + t)),
      )
      const stacked = stackValues(requests)
      expect(stacked.map(({ shape }) => shape)).toEqual(
        tensors.map((shape) => [members.reduce((sum, size) => sum + size, 0), ...shape]),
      )
      expect(stacked.map(({ data }) => [...data])).toEqual(
        tensors.map((_, t) => requests.flatMap((request) => [...request[t]!.data])),
      )
      expect(splitValues(stacked, members)).toEqual(requests)
    }),
  )
})

test('stackValues refuses requests that differ', () => {
  const one = [values([1, 2], 0)]
  expect(() => stackValues([one, [values([1, 3], 0)]])).toThrow(/shapes must be alike, .* \[1, 2\] \[1, 3\]/)
  expect(() => stackValues([one, []])).toThrow(/same tensors/)
  expect(() => stackValues([])).toThrow(/same tensors/)
})
