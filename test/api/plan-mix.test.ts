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
  const { mix, fluidBoundPerS, explanation } = planMix(setup, beliefs, 10_000, 60)
  // 41 ms of the engine each, of which 97 % may be planned away.
  expect(mix).toEqual({ 'middle/uint8': expect.closeTo(970 / 41, 3) })
  expect(fluidBoundPerS).toBeCloseTo(1000 / 41)
  expect(explanation.join('\n')).toContain('one more Mbps would give none more')
})
