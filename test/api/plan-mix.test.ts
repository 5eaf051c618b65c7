import { expect, test } from 'vitest'
import { planMix } from '../../api/plan-mix.ts'
import type { Beliefs } from '../../src/scheduler/beliefs.ts'
import { pooledWorker } from '../scheduler/pooled-worker.ts'
import { toySetup } from '../scheduler/toy-setup.ts'

const link = { uplinkBps: 2e6, downlinkBps: 2e6, roundTripMs: 10, backlogBytes: 0, relativeDeviation: 0 }
const worker = pooledWorker({ tailMs: new Map([['middle', 5]]), pictureMs: 0 })
const beliefs: Beliefs = {
  nowMs: 0,
  link: { kind: 'up', ...link },
  edge: { factor: 1, waitMs: 0, inputMs: 0, inputs: new Map() },
  workers: [worker],
  promisedBytes: 0,
}

test('planMix for a camera tells the mix, its bound and what one more Mbps brings', () => {
  const setup = {
    ...toySetup(),
    resume: 'when-late' as const,
    codecs: new Map([['middle', [{ codec: 'uint8', bytes: 2500 }]]]),
  }
  const { mix, fluidBoundPerS, report } = planMix(setup, beliefs, 10_000, 60)
  // 41 ms of the engine each, of which 97 % may be planned away.
  expect(mix).toEqual({ 'middle/uint8': expect.closeTo(970 / 41, 3) })
  expect(fluidBoundPerS).toBeCloseTo(1000 / 41)
  expect(report.explanation.join('\n')).toContain('one more Mbps would give none more')
})

test('planMix with limits that leave nothing says which to relax', () => {
  const plan = (limits: { privacy?: string; deadlineMs?: number }) =>
    planMix(toySetup(), beliefs, 10_000, 10, limits)
  expect(() => plan({ deadlineMs: 1 })).toThrow(/no plan is left; deadlineMs must be at least \d+/)
  expect(() => plan({ privacy: 'nowhere' })).toThrow('privacy must be none, noInput or one of')
  expect(plan({ privacy: 'noInput' }).report.excluded).toContainEqual({
    name: 'input/received',
    limit: 'privacy',
  })
})
