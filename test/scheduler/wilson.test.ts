import { expect, test } from 'vitest'
import { oneSided95, wilsonInterval } from '../../src/scheduler/wilson.ts'

// By the published formula, worked out in another language.
test.each([
  [0, 20, 0, 0.1611],
  [20, 20, 0.8389, 1],
  [8, 10, 0.4902, 0.9433],
  [322, 325, 0.9732, 0.9969],
])('wilsonInterval() of %i in %i is %f to %f', (hits, trials, lower, upper) => {
  const interval = wilsonInterval(hits, trials)
  expect(interval.lower).toBeCloseTo(lower, 4)
  expect(interval.upper).toBeCloseTo(upper, 4)
})

test('wilsonInterval() is narrower for a smaller quantile', () => {
  // One-sided 95 % is two-sided 90 %.
  const { lower, upper } = wilsonInterval(8, 10, oneSided95)
  expect(lower).toBeCloseTo(0.5408, 4)
  expect(upper).toBeCloseTo(0.9314, 4)
})
