import { expect, test } from 'vitest'
import type { MeasuredRuns } from '../../../bench/report/measured-runs.ts'
import { type FigureOptions, woundFigures } from '../../../bench/report/wound-figures.ts'

const runs = (wholeMs: number[], headMs: number[], tailMs: number[]): MeasuredRuns => ({
  version: 1,
  model: 'm',
  modelHash: 'h',
  machine: 'here',
  engine: 'wasm',
  threads: 1,
  measuredAt: '2026-11-26T00:00:00.000Z',
  wholeMs,
  wounds: [{ id: 'middle', bytes: 4000, headMs, tailMs }],
})
const edge = runs([900, 100, 100, 101], [500, 40, 40, 41], [60, 60, 60, 60])
const worker = runs([50, 10, 10, 10], [4, 4, 4, 4], [30, 6, 6, 6])
const options: FigureOptions = {
  edgeFactor: 2,
  link: { uplinkBps: 1e6, downlinkBps: 8e6, roundTripMs: 10 },
  inputBytes: 10_000,
  inputDecodeMs: 5,
  answerBytes: 1000,
}

test('woundFigures adds head, transfer and tail, each once', () => {
  const { edgeMs, workerMs, wounds, baseline } = woundFigures(
    edge,
    worker,
    new Map([['middle', 500]]),
    options,
  )
  expect({ edgeMs, workerMs }).toEqual({ edgeMs: 200, workerMs: 10 })
  const [middle] = wounds
  // 10 ms round trip, 1 ms for the answer, and 32, 8 and 4 ms for what crosses.
  expect(middle!.transferMs).toEqual({ float32: 43, uint8: 19, calibrated: 15 })
  expect(middle!.totalMs).toEqual({ float32: 129, uint8: 105, calibrated: 101 })
  expect(middle!.acceleration.uint8).toBeCloseTo(200 / 105)
  expect(baseline.totalMs).toBe(91 + 5 + 10)
})

test('woundFigures tells the uplink at which a cut is just as fast as the edge alone', () => {
  const { wounds, baseline } = woundFigures(edge, worker, new Map(), options)
  const least = wounds[0]!.leastBps.float32!
  const there = woundFigures(edge, worker, new Map(), {
    ...options,
    link: { ...options.link, uplinkBps: least },
  })
  expect(there.wounds[0]!.totalMs.float32).toBeCloseTo(there.edgeMs)
  expect(wounds[0]!.leastBps.calibrated).toBeUndefined()
  const atBaseline = { ...options.link, uplinkBps: baseline.leastBps! }
  expect(
    woundFigures(edge, worker, new Map(), { ...options, link: atBaseline }).baseline.totalMs,
  ).toBeCloseTo(200)
})

test('woundFigures has no uplink where the round trip alone takes too long', () => {
  const far = { ...options, link: { ...options.link, roundTripMs: 1000 } }
  expect(woundFigures(edge, worker, new Map(), far).wounds[0]!.leastBps.float32).toBeUndefined()
})

test('woundFigures counts the first run apart', () => {
  const [middle] = woundFigures(edge, worker, new Map(), options).wounds
  expect(middle!.firstHeadMs).toBe(1000)
  expect(middle!.laterHeadMs).toBeCloseTo((2 * 121) / 3)
})
