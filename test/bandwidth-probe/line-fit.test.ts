import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  added,
  type FitOptions,
  fitLine,
  lineDeviationMs,
  noSums,
  type TransferSample,
  timeOf,
} from '../../src/bandwidth-probe/line-fit.ts'

interface Told extends TransferSample {
  readonly spreadMs: number
}

const memoryMs = 8000

function sumsOf(samples: readonly Told[]) {
  return samples.reduce((sums, sample) => added(sums, sample, sample.spreadMs, memoryMs), noSums)
}

/**
 * The slow reference: the posterior of a and b from every sample by itself, as a sum of precisions (Bishop 3.50 and 3.51),
 * and its covariance at a later time, when the samples have faded and what was believed before has not.
 */
function posterior(samples: readonly Told[], nowMs: number, { anchor, prior, noise }: FitOptions) {
  const newestMs = Math.max(...samples.map(({ atMs }) => atMs))
  const weights = samples.map(({ atMs, spreadMs }) => Math.exp((atMs - newestMs) / memoryMs) / spreadMs)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const rows = [
    ...samples.map((sample, i) => ({ ...sample, weight: weights[i]! })),
    { ...anchor, weight: 0.1 * total },
  ].map(({ bytes, ms, weight, isQueued = false }) => ({ one: isQueued ? 0 : 1, bytes, ms, weight }))
  const sum = (of: (row: (typeof rows)[number]) => number) =>
    rows.reduce((all, row) => all + row.weight * of(row), 0)
  const variance = (noise ** 2 * sum(({ one, ms }) => one * ms)) / sum(({ one }) => one)
  const precisionOf = (value: number) => 1 / (prior.looseness * value) ** 2
  const [ofBase, ofByte] = [precisionOf(Math.max(10, prior.baseMs)), precisionOf(prior.msPerByte)]
  const inverse = (left: number) => {
    const a = (left * sum(({ one }) => one)) / variance + ofBase
    const b = (left * sum(({ one, bytes }) => one * bytes)) / variance
    const d = (left * sum(({ bytes }) => bytes * bytes)) / variance + ofByte
    const determinant = a * d - b * b
    return { base: d / determinant, cross: -b / determinant, byte: a / determinant }
  }
  const { base, cross, byte } = inverse(1)
  const u = sum(({ one, ms }) => one * ms) / variance + ofBase * prior.baseMs
  const v = sum(({ bytes, ms }) => bytes * ms) / variance + ofByte * prior.msPerByte
  return {
    baseMs: base * u + cross * v,
    msPerByte: cross * u + byte * v,
    deviation: inverse(Math.exp(Math.min(0, newestMs - nowMs) / memoryMs)),
  }
}

/** Of a line of 5 to 50 ms and 0.1 to 10 Mbps, off by a tenth, in no order of time. */
const worlds = fc
  .record({
    base: fc.double({ min: 5, max: 50, noNaN: true }),
    perByte: fc.double({ min: 8e-4, max: 0.08, noNaN: true }),
    looseness: fc.constantFrom(1, 10, 100),
    noise: fc.constantFrom(0.05, 0.2, 1),
    laterMs: fc.integer({ min: 0, max: 30_000 }),
    told: fc.array(
      fc.record({
        bytes: fc.integer({ min: 100, max: 40_000 }),
        factor: fc.double({ min: 0.9, max: 1.1, noNaN: true }),
        atMs: fc.integer({ min: 0, max: 20_000 }),
        isQueued: fc.boolean(),
        spreadMs: fc.double({ min: 1, max: 100, noNaN: true }),
      }),
      { minLength: 2, maxLength: 12 },
    ),
  })
  .map(({ base, perByte, looseness, noise, laterMs, told }) => {
    const samples = told.map(({ bytes, factor, atMs, isQueued, spreadMs }, i): Told => {
      const waits = isQueued && i > 0
      return { bytes, ms: factor * ((waits ? 0 : base) + perByte * bytes), atMs, isQueued: waits, spreadMs }
    })
    const anchor = samples.filter((each) => each.isQueued !== true).reduce((a, b) => (b.ms < a.ms ? b : a))
    const prior = { baseMs: 0.7 * base, msPerByte: 1.5 * perByte, looseness }
    return { samples, laterMs, options: { anchor, prior, noise, memoryMs } }
  })

test('fitLine() is the posterior of samples and of what was believed before, and its covariance as they fade', () => {
  fc.assert(
    fc.property(worlds, ({ samples, laterMs, options }) => {
      const nowMs = Math.max(...samples.map(({ atMs }) => atMs)) + laterMs
      const line = fitLine(sumsOf(samples), nowMs, options)
      const exact = posterior(samples, nowMs, options)
      for (const part of ['base', 'cross', 'byte'] as const)
        expect(line.deviation[part] / exact.deviation[part]).toBeCloseTo(1, 4)
      for (const bytes of [1, 3000, 1e6]) {
        const { base, cross, byte } = exact.deviation
        const variance = base + 2 * bytes * cross + bytes ** 2 * byte
        expect(lineDeviationMs(line.deviation, bytes) / Math.sqrt(variance)).toBeCloseTo(1, 3)
      }
      const isPlain = exact.baseMs > 0.01 && exact.baseMs < 1.5 * options.anchor.ms && exact.msPerByte > 1e-7
      fc.pre(isPlain)
      expect(line.baseMs / exact.baseMs).toBeCloseTo(1, 5)
      expect(line.msPerByte / exact.msPerByte).toBeCloseTo(1, 5)
    }),
    { numRuns: 300 },
  )
})

test('fitLine() has an empty message take no less than a tenth of the quickest and no more than it by half, and the rest by its bytes', () => {
  const told = (bytes: number, ms: number): Told => ({ bytes, ms, atMs: 0, spreadMs: 1 })
  const fitted = (samples: readonly Told[]) => {
    const anchor = samples.reduce((a, b) => (b.ms < a.ms ? b : a))
    const prior = { baseMs: 10, msPerByte: 1e-3, looseness: 1000 }
    return fitLine(sumsOf(samples), 0, { anchor, prior, noise: 0.01, memoryMs })
  }
  // The line through these would begin 8 ms below nothing.
  const steep = fitted([told(10_000, 2), told(20_000, 12)])
  expect(steep.baseMs).toBeCloseTo(0.2)
  // The least squares of what is left: (1.8 + 2 x 11.8 + 0.2 x 1.8 of the anchor) / (1 + 4 + 0.2) by 10 kB.
  expect(steep.msPerByte).toBeCloseTo((1.8 + 2 * 11.8 + 0.2 * 1.8) / 5.2 / 10_000, 6)
  // This one would begin at 38 ms, though one message took 2.
  const flat = fitted([told(20_000, 2), told(100, 40), told(200, 40), told(100, 40)])
  expect(flat.baseMs).toBeCloseTo(3)
  expect(flat.msPerByte).toBe(1e-7)
})

test.each([40, 39.5, 39, 37, 34])(
  'fitLine() where a large message takes %d ms and small ones 40: the mean of what is possible of the slope',
  (largeMs) => {
    const told = (bytes: number, ms: number): Told => ({ bytes, ms, atMs: 0, spreadMs: ms })
    const samples = [told(200, 40), told(20_000, largeMs), told(400, 40), told(200, 40.5)]
    const anchor = samples[1]!
    const prior = { baseMs: 20, msPerByte: 0.01, looseness: 100 }
    const options = { anchor, prior, noise: 0.05, memoryMs }
    const line = fitLine(sumsOf(samples), 0, options)
    const exact = posterior(samples, 0, options)
    const deviation = Math.sqrt(exact.deviation.byte)
    expect(exact.msPerByte).toBeLessThan(0)
    // By hand: the normal distribution's part above 0, in small steps.
    let [weight, moment] = [0, 0]
    for (let slope = deviation / 2000; slope < 8 * deviation; slope += deviation / 1000) {
      const density = Math.exp(-0.5 * ((slope - exact.msPerByte) / deviation) ** 2)
      weight += density
      moment += density * slope
    }
    expect(line.msPerByte / (moment / weight)).toBeGreaterThan(0.88)
    expect(line.msPerByte / (moment / weight)).toBeLessThanOrEqual(1)
    expect(timeOf(line, samples[0]!)).toBeGreaterThan(largeMs - 5)
    expect(timeOf(line, samples[0]!)).toBeLessThan(41)
  },
)

test('timeOf() counts no empty message for one that waited', () => {
  const line = { baseMs: 20, msPerByte: 0.001 }
  expect(timeOf(line, { bytes: 5000, ms: 0, atMs: 0 })).toBe(25)
  expect(timeOf(line, { bytes: 5000, ms: 0, atMs: 0, isQueued: true })).toBe(5)
})
