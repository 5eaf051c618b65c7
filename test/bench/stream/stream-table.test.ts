import { expect, test } from 'vitest'
import { streamRow } from '../../../bench/stream/stream-table.ts'
import { mobileNetOnPi4 } from '../../lab/replay/pi4.ts'

test('a row of an overloaded camera accounts for every input, and has more answers than one plan could give', async () => {
  const setup = await mobileNetOnPi4()
  const tails = setup.chain.wounds.slice(0, -1).map(({ id }, i): [string, number] => [id, 8 - i])
  const pair = { setup, tailMs: new Map(tails) }
  const world = { pair, inputBytes: 17_000, uplinkMbps: 2, roundTripMs: 40, workers: 2 }
  const row = await streamRow('m', world, 'camera', 1.3, 5)
  const answered = Math.round(5 * row.answeredPerS)
  expect((answered + row.shed) / 5).toBeCloseTo(row.offeredPerS)
  expect(row.offeredPerS / row.boundPerS).toBeCloseTo(1.3, 1)
  expect(Object.values(row.plans).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(answered)
  expect(row.answeredPerS).toBeGreaterThan(1.2 * row.bestSinglePerS)
  expect(row.answeredPerS).toBeLessThanOrEqual(1.02 * row.boundPerS)
})
