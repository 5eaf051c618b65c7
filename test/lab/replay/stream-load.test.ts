import { expect, test } from 'vitest'
import { streamRow } from '../../../bench/stream/stream-table.ts'
import { mobileNet } from './worlds.ts'

const world = { plans: mobileNet, uplink: 2e6, roundTripMs: 40, workers: 2 }
const seconds = 60

test('a camera is answered whole up to 0.9 of the bound, within 2.5 local times', () => {
  for (const load of [0.3, 0.6, 0.9]) {
    const { answeredPerS, offeredPerS, p95Ms, localMs } = streamRow('m', world, 'camera', load, seconds)
    expect(answeredPerS / offeredPerS).toBeGreaterThan(0.99)
    expect(p95Ms / localMs).toBeLessThan(2.5)
  }
})

test('arrivals by chance up to 0.6 of the bound are answered within 3 local times', () => {
  for (const load of [0.3, 0.6]) {
    const { answeredPerS, offeredPerS, p95Ms, localMs } = streamRow('m', world, 'poisson', load, seconds)
    expect(answeredPerS / offeredPerS).toBeGreaterThan(0.98)
    expect(p95Ms / localMs).toBeLessThan(3)
  }
})

test('never fewer answers for more that is offered, and more than any single plan gives', () => {
  for (const kind of ['camera', 'poisson'] as const) {
    const rows = [0.6, 0.9, 1.3, 2, 3].map((load) => streamRow('m', world, kind, load, seconds))
    for (const [i, { answeredPerS }] of rows.entries())
      for (const { answeredPerS: ofLess } of rows.slice(0, i))
        expect(answeredPerS).toBeGreaterThan(0.98 * ofLess)
    expect(rows.at(-1)!.answeredPerS).toBeGreaterThan(1.15 * rows.at(-1)!.bestSinglePerS)
  }
})

test('the row accounts for every input', () => {
  const row = streamRow('m', world, 'camera', 1.3, seconds)
  const answered = Object.values(row.plans).reduce((sum, count) => sum + count, 0)
  expect(answered / seconds).toBeCloseTo(row.answeredPerS)
  expect((answered + row.shed) / seconds).toBeCloseTo(row.offeredPerS)
  expect(Object.keys(row.plans)).toContain('block_6')
})
