import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TransferEstimator } from '../../src/bandwidth-probe/transfer-estimator.ts'

const sizes = [256, 4096, 12_000, 32_768]

/** Feeds acknowledgements of a link with this empty round trip and speed, one each 200 ms. */
function feed(
  estimator: TransferEstimator,
  options: {
    fromMs: number
    count: number
    baseMs: number
    bitsPerSecond: number
    noise?: (i: number) => number
  },
): number {
  const { fromMs, count, baseMs, bitsPerSecond, noise = () => 1 } = options
  for (let i = 0; i < count; i++) {
    const bytes = sizes[i % sizes.length]!
    estimator.observe({
      bytes,
      ms: noise(i) * (baseMs + (8000 * bytes) / bitsPerSecond),
      atMs: fromMs + 200 * i,
    })
  }
  return fromMs + 200 * count
}

test('TransferEstimator finds base and speed apart, whatever they are', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1, max: 200, noNaN: true }),
      fc.double({ min: 1e5, max: 5e7, noNaN: true }),
      (baseMs, bitsPerSecond) => {
        const estimator = new TransferEstimator()
        const nowMs = feed(estimator, { fromMs: 0, count: 12, baseMs, bitsPerSecond })
        const estimate = estimator.estimate(nowMs)!
        expect(estimate.bitsPerSecond / bitsPerSecond).toBeCloseTo(1, 3)
        expect(estimate.baseMs / baseMs).toBeCloseTo(1, 2)
      },
    ),
  )
})

test('TransferEstimator within 10 % under noise of 10 %', () => {
  const estimator = new TransferEstimator()
  const noise = (i: number) => 1 + 0.1 * Math.sin(1.7 * i)
  const nowMs = feed(estimator, { fromMs: 0, count: 40, baseMs: 40, bitsPerSecond: 8e6, noise })
  expect(Math.abs(estimator.estimate(nowMs)!.bitsPerSecond / 8e6 - 1)).toBeLessThan(0.1)
})

test('TransferEstimator follows a link that becomes ten times slower or faster after two acknowledgements that feel it', () => {
  for (const [before, after] of [
    [20e6, 2e6],
    [0.2e6, 2e6],
  ] as const) {
    const estimator = new TransferEstimator()
    const changedMs = feed(estimator, { fromMs: 0, count: 30, baseMs: 10, bitsPerSecond: before })
    // Of the four sizes the smallest does not feel the speed.
    const nowMs = feed(estimator, { fromMs: changedMs, count: 4, baseMs: 10, bitsPerSecond: after })
    expect(Math.abs(estimator.estimate(nowMs)!.bitsPerSecond / after - 1)).toBeLessThan(0.1)
  }
})

test('TransferEstimator is not shaken by one message that was held up', () => {
  const estimator = new TransferEstimator()
  let nowMs = feed(estimator, { fromMs: 0, count: 30, baseMs: 10, bitsPerSecond: 8e6 })
  estimator.observe({ bytes: 12_000, ms: 500, atMs: nowMs })
  expect(estimator.doubtful).toBe(true)
  expect(estimator.estimate(nowMs)!.bitsPerSecond / 8e6).toBeCloseTo(1, 2)
  nowMs = feed(estimator, { fromMs: nowMs + 200, count: 8, baseMs: 10, bitsPerSecond: 8e6 })
  expect(estimator.doubtful).toBe(false)
  expect(estimator.estimate(nowMs)!.bitsPerSecond / 8e6).toBeGreaterThan(0.5)
})

test('TransferEstimator bounds the speed by what has waited too long', () => {
  const estimator = new TransferEstimator()
  const nowMs = feed(estimator, { fromMs: 0, count: 12, baseMs: 10, bitsPerSecond: 20e6 })
  const waiting = { bytes: 10_000, sinceMs: nowMs }
  expect(estimator.estimate(nowMs + 10, waiting)!.bitsPerSecond).toBeCloseTo(20e6, -5)
  expect(estimator.estimate(nowMs + 2000, waiting)!.bitsPerSecond).toBeLessThan(50e3)
})

test('TransferEstimator knows nothing before the first sample and ignores impossible ones', () => {
  const estimator = new TransferEstimator()
  estimator.observe({ bytes: 0, ms: 5, atMs: 0 })
  estimator.observe({ bytes: 5, ms: Number.NaN, atMs: 0 })
  expect(estimator.estimate(1)).toBeUndefined()
})
