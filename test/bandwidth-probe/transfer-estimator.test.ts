import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lineDeviationMs } from '../../src/bandwidth-probe/line-fit.ts'
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
        const longestMs = baseMs + (8000 * Math.max(...sizes)) / bitsPerSecond
        expect(Math.abs(estimate.baseMs - baseMs)).toBeLessThan(0.005 * baseMs + 1e-4 * longestMs)
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

const anySample = fc.record({
  bytes: fc.oneof(fc.integer({ min: 1, max: 5_000_000 }), fc.constantFrom(0, -1, Number.NaN, Infinity)),
  ms: fc.oneof(
    fc.double({ min: 1e-3, max: 1e7, noNaN: true }),
    fc.constantFrom(0, -5, Number.NaN, Infinity, 1e-9),
  ),
  afterMs: fc.oneof(fc.integer({ min: 0, max: 30_000 }), fc.integer({ min: 0, max: 10 })),
})

/** What is said that is not a number to count with, after any samples. */
function faultsAfter(
  samples: readonly { bytes: number; ms: number; afterMs: number }[],
  laterMs: number,
): string[] {
  const estimator = new TransferEstimator()
  const faults: string[] = []
  let atMs = 0
  for (const { bytes, ms, afterMs } of samples) {
    atMs += afterMs
    estimator.observe({ bytes, ms, atMs })
    for (const nowMs of [atMs, atMs + laterMs]) {
      const estimate = estimator.estimate(nowMs, { bytes: 5000, sinceMs: atMs })
      if (estimate === undefined) continue
      const { bitsPerSecond, baseMs, relativeDeviation, ageMs, line } = estimate
      for (const value of [bitsPerSecond, baseMs, relativeDeviation])
        if (!(value > 0 && value < Infinity)) faults.push(`${JSON.stringify(estimate)} at ${nowMs}`)
      for (const value of [ageMs, ...[1, 20_000, 5_000_000].map((size) => lineDeviationMs(line, size))])
        if (!(value >= 0 && value < Infinity)) faults.push(`${JSON.stringify(estimate)} at ${nowMs}`)
    }
  }
  return faults
}

test('TransferEstimator: whatever it is told, what it says is above 0 and finite', () => {
  fc.assert(
    fc.property(
      fc.array(anySample, { maxLength: 40 }),
      fc.integer({ min: 0, max: 1e7 }),
      (samples, laterMs) => {
        expect(faultsAfter(samples, laterMs)).toEqual([])
      },
    ),
    { numRuns: 1000 },
  )
})

test('TransferEstimator knows that small messages say little of large ones, and the less the older the large ones are', () => {
  const estimator = new TransferEstimator()
  let nowMs = feed(estimator, {
    fromMs: 0,
    count: 40,
    baseMs: 40,
    bitsPerSecond: 4e6,
    noise: (i) => 1 + 0.2 * Math.sin(1.7 * i),
  })
  const relative = (bytes: number) => {
    const { line, baseMs, bitsPerSecond } = estimator.estimate(nowMs)!
    return lineDeviationMs(line, bytes) / (baseMs + (8000 * bytes) / bitsPerSecond)
  }
  expect(relative(16_000)).toBeLessThan(0.1)
  const before = relative(200_000)
  expect(before).toBeLessThan(0.2)
  for (let i = 0; i < 60; i++, nowMs += 1000)
    estimator.observe({
      bytes: i % 2 === 0 ? 256 : 2048,
      ms: 44 * (1 + 0.2 * Math.sin(1.7 * i)),
      atMs: nowMs,
    })
  expect(relative(1000)).toBeLessThan(0.35)
  expect(relative(200_000)).toBeGreaterThan(4 * before)
})

test('TransferEstimator: after an outage two small messages give the speed back that large ones had', () => {
  const estimator = new TransferEstimator()
  let nowMs = feed(estimator, { fromMs: 0, count: 30, baseMs: 40, bitsPerSecond: 4e6 })
  for (const ms of [9000, 8000]) estimator.observe({ bytes: 256, ms, atMs: (nowMs += 9000) })
  for (let i = 0; i < 4; i++) estimator.observe({ bytes: 256, ms: 41, atMs: (nowMs += 250) })
  const { baseMs, bitsPerSecond } = estimator.estimate(nowMs)!
  expect(baseMs).toBeLessThan(60)
  expect(bitsPerSecond).toBeGreaterThan(0.4e6)
})

/** A message each 200 ms over a link of 8 Mbps and 2 ms, of the given sizes in turn. */
function feedSizes(
  estimator: TransferEstimator,
  bytes: readonly number[],
  fromMs: number,
  count: number,
): number {
  for (let i = 0; i < count; i++) {
    const size = bytes[i % bytes.length]!
    estimator.observe({ bytes: size, ms: 2 + size / 1000, atMs: fromMs + 200 * i })
  }
  return fromMs + 200 * count
}

test('TransferEstimator remembers for a minute what an empty message takes, while all have one size', () => {
  const estimator = new TransferEstimator()
  const beganMs = feedSizes(estimator, sizes, 0, 8)
  const within = feedSizes(estimator, [12_000], beganMs, 280)
  expect(estimator.estimate(within)!.baseMs).toBeCloseTo(2, 0)
  expect(estimator.estimate(within)!.bitsPerSecond / 8e6).toBeCloseTo(1, 1)
})

test('TransferEstimator takes a quicker message for what an empty one takes, whenever it came', () => {
  const estimator = new TransferEstimator()
  feedSizes(estimator, [12_000], 0, 20)
  estimator.observe({ bytes: 256, ms: 2.256, atMs: 4000 })
  const nowMs = feedSizes(estimator, [12_000], 4200, 200)
  expect(estimator.estimate(nowMs)!.baseMs).toBeCloseTo(2, 0)
})

test('TransferEstimator bounds the speed by what has waited half as long again as it should, and not before', () => {
  const estimator = new TransferEstimator()
  const nowMs = feedSizes(estimator, sizes, 0, 40)
  // 10 kB take 12 ms.
  const bpsAfter = (waitedMs: number) =>
    estimator.estimate(nowMs + waitedMs, { bytes: 10_000, sinceMs: nowMs })!.bitsPerSecond
  expect(bpsAfter(17) / 8e6).toBeCloseTo(1, 3)
  expect(bpsAfter(22) / 8e6).toBeCloseTo(10 / 20, 2)
  expect(bpsAfter(2002) / 8e6).toBeCloseTo(10 / 2000, 4)
  // Nothing waits.
  expect(estimator.estimate(nowMs + 2000, { bytes: 0, sinceMs: nowMs })!.bitsPerSecond / 8e6).toBeCloseTo(
    1,
    3,
  )
})

test('TransferEstimator is unsure of what it has hardly tried, and sure of what has come true', () => {
  const estimator = new TransferEstimator()
  // Half of the first is taken for an empty message; the others come as that says.
  const deviations = [1000, 10_000, 20_000].map((bytes, i) => {
    estimator.observe({ bytes, ms: 100 + bytes / 10, atMs: 5000 * i })
    const { baseMs, bitsPerSecond, relativeDeviation, rateDeviation } = estimator.estimate(5000 * i)!
    expect(baseMs).toBeCloseTo(100)
    expect(bitsPerSecond).toBeCloseTo(80_000)
    return [relativeDeviation, rateDeviation]
  })
  expect(deviations).toEqual([
    [0.5, 0.5],
    [0.5, 0.5],
    [0.05, 0.05],
  ])
  const nowMs = feedSizes(estimator, sizes, 20_000, 700)
  expect(estimator.estimate(nowMs)).toMatchObject({ relativeDeviation: 0.05, rateDeviation: 0.01 })
  expect(estimator.estimate(nowMs + 1000)!.ageMs).toBe(1200)
})

test('TransferEstimator takes surprises to either side for accidents, and three to one side for a change', () => {
  const estimator = new TransferEstimator()
  let nowMs = feedSizes(estimator, sizes, 0, 40)
  const surprise = (ms: number) => {
    estimator.observe({ bytes: 32_768, ms, atMs: nowMs })
    nowMs += 200
  }
  for (let i = 0; i < 4; i++) {
    surprise(70)
    surprise(17)
  }
  expect(estimator.estimate(nowMs)!.bitsPerSecond / 8e6).toBeGreaterThan(0.6)
  nowMs = feedSizes(estimator, sizes, nowMs, 80)
  for (let i = 0; i < 3; i++) surprise(330)
  expect(estimator.doubtful).toBe(false)
  // All 330 ms of 33 kB are believed, half of them for an empty message.
  expect(estimator.estimate(nowMs)!.bitsPerSecond).toBeLessThan(1.7e6)
})

test('TransferEstimator does not let small messages say whether a large one was an accident', () => {
  const estimator = new TransferEstimator()
  let nowMs = feedSizes(estimator, sizes, 0, 40)
  const told = (bytes: number, ms: number) => {
    nowMs += 200
    estimator.observe({ bytes, ms, atMs: nowMs })
    return estimator.doubtful
  }
  expect(told(32_768, 100)).toBe(true)
  expect(told(256, 2.3)).toBe(true)
  expect(told(32_768, 34.8)).toBe(false)
  // To one side, to the other, and back: three in a row, and still only the last is in doubt.
  expect(told(32_768, 100)).toBe(true)
  expect(told(32_768, 12)).toBe(true)
  expect(told(32_768, 100)).toBe(true)
  expect(told(32_768, 34.8)).toBe(false)
})

test('TransferEstimator takes a few milliseconds for a hiccup, however many times as long that is', () => {
  const estimator = new TransferEstimator()
  const nowMs = feedSizes(estimator, [300, 500, 900], 0, 60)
  // 2.5 ms each.
  estimator.observe({ bytes: 500, ms: 6, atMs: nowMs })
  expect(estimator.doubtful).toBe(false)
  estimator.observe({ bytes: 500, ms: 8, atMs: nowMs + 200 })
  expect(estimator.doubtful).toBe(true)
})

test('TransferEstimator keeps what it knows of an empty message where only messages that waited tell of a change', () => {
  const estimator = new TransferEstimator()
  const nowMs = feed(estimator, { fromMs: 0, count: 40, baseMs: 20, bitsPerSecond: 8e6 })
  for (let i = 0; i < 3; i++)
    estimator.observe({ bytes: 12_000, ms: 120, atMs: nowMs + 120 * i, isQueued: true })
  expect(estimator.doubtful).toBe(false)
  const { baseMs, bitsPerSecond } = estimator.estimate(nowMs + 400)!
  expect(baseMs).toBeGreaterThan(10)
  expect(baseMs).toBeLessThan(32)
  expect(bitsPerSecond / 0.8e6).toBeCloseTo(1, 0)
})

test('TransferEstimator believes a link that is eight hundred times slower than before, however sure it was', () => {
  const estimator = new TransferEstimator()
  const nowMs = feed(estimator, { fromMs: 0, count: 60, baseMs: 2, bitsPerSecond: 80e6 })
  for (const [i, bytes] of [10_000, 12_000, 11_000].entries())
    estimator.observe({ bytes, ms: 2 + (8000 * bytes) / 0.1e6, atMs: nowMs + 1000 * i })
  const { baseMs, bitsPerSecond } = estimator.estimate(nowMs + 3000)!
  expect(bitsPerSecond / 0.1e6).toBeGreaterThan(0.8)
  expect(bitsPerSecond / 0.1e6).toBeLessThan(1.25)
  expect(baseMs).toBeLessThan(400)
})
