import { expect, test } from 'vitest'
import { arrivalTimes } from '../../../lab/replay/arrivals.ts'
import { seededRandom } from '../../../lab/replay/random.ts'
import { ArrivalEstimator } from '../../../src/scheduler/mix/arrival-estimator.ts'

const observed = (times: readonly number[]) => {
  const estimator = new ArrivalEstimator()
  for (const atMs of times) estimator.observe(atMs)
  return estimator
}

test('a camera is known by its rate and its evenness within a second', () => {
  const times = arrivalTimes('camera', 25, 1000, seededRandom(1))
  const estimator = observed(times)
  expect(estimator.ratePerS(times.at(-1)!)).toBeCloseTo(25, -0.5)
  expect(estimator.cv2).toBeLessThan(0.06)
})

test('arrivals by chance are known for what they are', () => {
  const times = arrivalTimes('poisson', 25, 20_000, seededRandom(2))
  const estimator = observed(times)
  expect(estimator.ratePerS(times.at(-1)!) / 25).toBeGreaterThan(0.75)
  expect(estimator.ratePerS(times.at(-1)!) / 25).toBeLessThan(1.25)
  expect(estimator.cv2).toBeGreaterThan(0.6)
  expect(estimator.cv2).toBeLessThan(1.5)
})

test('a stream that stops has no share any more after a second', () => {
  const times = arrivalTimes('camera', 25, 5000, seededRandom(3))
  const estimator = observed(times)
  const last = times.at(-1)!
  expect(estimator.ratePerS(last + 200)).toBeLessThan(6)
  expect(estimator.ratePerS(last + 1000)).toBe(0)
})

test('a rate that changes at once is followed within ten arrivals', () => {
  const slow = arrivalTimes('camera', 5, 10_000, seededRandom(4))
  const fast = arrivalTimes('camera', 30, 330, seededRandom(5)).map((atMs) => 10_000 + atMs)
  expect(observed([...slow, ...fast]).ratePerS(fast.at(-1)!)).toBeGreaterThan(25)
})

test('one that asks every few seconds is neither forgotten between nor taken for a flood', () => {
  const estimator = observed([0, 4000, 8000, 12_000])
  expect(estimator.ratePerS(12_000)).toBeLessThanOrEqual(1)
  expect(new ArrivalEstimator().ratePerS(0)).toBe(0)
})

const evenly = (gapMs: number, count: number, fromMs = 0) =>
  Array.from({ length: count }, (_, i) => fromMs + gapMs * i)

test('a stream has stopped after a second and three usual gaps, and is believed to be slower until then', () => {
  const slow = observed(evenly(600, 11))
  expect(slow.ratePerS(6000)).toBeCloseTo(1000 / 600)
  expect(slow.ratePerS(6000 + 1200)).toBeCloseTo(1000 / 1200)
  expect(slow.ratePerS(6000 + 1790)).toBeCloseTo(1000 / 1790)
  expect(slow.ratePerS(6000 + 1810)).toBe(0)
  const single = observed([0])
  expect([single.ratePerS(0), single.ratePerS(999), single.ratePerS(1000)]).toEqual([1 / 60, 1 / 60, 0])
})

test('behind a pause a stream begins anew', () => {
  const before = evenly(40, 50)
  const after = evenly(200, 4, 5000)
  expect(observed([...before, ...after]).ratePerS(5600)).toBeCloseTo(5)
  // A gap that is long only beside a second is none.
  const slow = evenly(600, 11)
  const estimator = observed([...slow, 6000 + 1300])
  expect(estimator.ratePerS(7300)).toBeGreaterThan(1000 / 800)
})

test('how evenly a stream asks is not known before its third gap', () => {
  expect(observed([0, 40, 80]).cv2).toBe(1)
  expect(observed([0, 40, 80, 120]).cv2).toBeCloseTo(0.01)
  // Gaps of 10 and 30: a mean of 20 and a deviation of 10.
  expect(observed([0, 10, 40, 50, 80]).cv2).toBeCloseTo(0.25, 1)
})

test('a stream of rare inputs is believed to be as rare as its last pause was long', () => {
  const rare = observed([0, 5000, 10_000, 40_000])
  expect(rare.ratePerS(40_000)).toBeCloseTo(1 / 30)
})
