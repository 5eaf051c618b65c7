import fc from 'fast-check'
import { expect, test } from 'vitest'
import { expectedMinimum } from '../../src/scheduler/expected-minimum.ts'

/** The same expectation by the trapezoidal rule over eight standard deviations each way. */
function integrate(mean: number, deviation: number, limit: number): number {
  const variance = Math.log(1 + (deviation / mean) ** 2)
  const steps = 20_000
  const width = 16 / steps
  let total = 0
  for (let i = 0; i <= steps; i++) {
    const z = -8 + i * width
    const weight = (i === 0 || i === steps ? 0.5 : 1) * width
    total +=
      (weight *
        Math.min(Math.exp(Math.log(mean) - variance / 2 + Math.sqrt(variance) * z), limit) *
        Math.exp(-0.5 * z * z)) /
      Math.sqrt(2 * Math.PI)
  }
  return total
}

test('expectedMinimum() agrees with numerical integration', () => {
  const milliseconds = fc.double({ min: 0.1, max: 1000, noNaN: true })
  fc.assert(
    fc.property(milliseconds, milliseconds, milliseconds, (mean, deviation, limit) => {
      expect(expectedMinimum(mean, deviation, limit)).toBeCloseTo(integrate(mean, deviation, limit), 2)
    }),
    { numRuns: 200 },
  )
})

test('expectedMinimum() without spread is the minimum, also of an answer that never comes', () => {
  expect(expectedMinimum(3, 0, 5)).toBe(3)
  expect(expectedMinimum(Infinity, 1, 5)).toBe(5)
})

test.each([
  [0, 2, 5, 0],
  [-1, 2, 5, -1],
  [3, 2, 0, 0],
  [3, 2, -1, -1],
  [3, -1, 5, 3],
  [Number.POSITIVE_INFINITY, 2, 5, 5],
])(
  'expectedMinimum(%d, %d, %d), where no such distribution is, is the minimum, %d',
  (mean, deviation, limit, least) => {
    expect(expectedMinimum(mean, deviation, limit)).toBe(least)
  },
)
