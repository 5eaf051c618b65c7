import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Capacity } from '../../lab/link-capacity.ts'
import { createLinkShaper } from '../../lab/link-shaper.ts'
import { readMahimahiTrace } from '../../lab/mahimahi-trace.ts'
import { TransferEstimator } from '../../src/bandwidth-probe/transfer-estimator.ts'
import { noSharedData, sharedData } from '../shared-data.ts'

const bytes = 20_000
const oneWayDelayMs = 20
/** Half the width of an interval called 90 %, in standard deviations. */
const quantile = 1.645

/** Messages of 20 kB, one after the other with a pause between them, over a link in virtual time. */
function replay(capacity: Capacity, untilMs: number, pauseMs: number) {
  const shaper = createLinkShaper<string>({ capacity, oneWayDelayMs, bufferBytes: 1e6, nowMs: 0 })
  const estimator = new TransferEstimator()
  const errors: number[] = []
  let inside = 0
  for (let nowMs = 0; nowMs < untilMs && errors.length < 2000; nowMs += pauseMs) {
    const estimate = estimator.estimate(nowMs)
    const sentAtMs = nowMs
    shaper.offer('messages', new Uint8Array(bytes), nowMs)
    for (let left = bytes; left > 0; ) {
      nowMs = shaper.wakeAtMs()
      for (const { load } of shaper.collect(nowMs)) left -= load!.length
    }
    const ms = nowMs - sentAtMs + oneWayDelayMs
    if (estimate !== undefined) {
      const error = ms / (estimate.baseMs + (8000 * bytes) / estimate.bitsPerSecond) - 1
      errors.push(Math.abs(error))
      if (Math.abs(error) <= quantile * estimate.relativeDeviation) inside++
    }
    estimator.observe({ bytes, ms, atMs: nowMs })
  }
  const medianError = errors.toSorted((a, b) => a - b)[Math.floor(errors.length / 2)]!
  return { coverage: inside / errors.length, medianError }
}

test('TransferEstimator: intervals called 90 % cover 85 to 95 % on each recorded uplink', async ({
  skip,
}) => {
  const folder = sharedData('traces/mahimahi')
  if (folder === undefined) return skip(noSharedData)
  const files = readdirSync(folder).filter((name) => name.endsWith('.up'))
  expect(files.length).toBeGreaterThan(0)
  for (const file of files) {
    const trace = await readMahimahiTrace(`${folder}/${file}`)
    for (const pauseMs of [0, 500]) {
      const { coverage, medianError } = replay(trace, trace.opportunitiesMs.at(-1)!, pauseMs)
      expect(coverage).toBeGreaterThanOrEqual(0.85)
      expect(coverage).toBeLessThanOrEqual(0.95)
      expect(medianError).toBeLessThanOrEqual(0.2)
    }
  }
})

test('TransferEstimator forgets the old link whole: its quickest message does not pull on the new one', () => {
  const estimator = new TransferEstimator()
  let atMs = 0
  const feed = (count: number, baseMs: number, bitsPerSecond: number) => {
    for (let i = 0; i < count; i++, atMs += 200) {
      const size = [4096, 12_000, 32_768][i % 3]!
      estimator.observe({ bytes: size, ms: baseMs + (8000 * size) / bitsPerSecond, atMs })
    }
  }
  feed(30, 5, 20e6)
  feed(30, 120, 2e6)
  const { bitsPerSecond, baseMs } = estimator.estimate(atMs)!
  expect(Math.abs(bitsPerSecond / 2e6 - 1)).toBeLessThan(0.05)
  expect(Math.abs(baseMs / 120 - 1)).toBeLessThan(0.05)
})
