import { expect, test } from 'vitest'
import { planMix } from '../../api/plan-mix.ts'
import { type Conditions, noBackend } from '../../src/scheduler/choose-plan.ts'
import { localPoint, type PlanPoint } from '../../src/scheduler/plan-point.ts'

const link = { uplinkBps: 2e6, downlinkBps: 2e6, roundTripMs: 10, backlogBytes: 0, relativeDeviation: 0 }
const conditions: Conditions = { ...noBackend, edgeFactor: 1, edgeWaitMs: 0, resume: 'when-late', link }
const middle: PlanPoint = {
  wound: 'middle',
  codec: 'q8',
  inputMs: 0,
  headMs: 40,
  encodeMs: 10,
  sendMs: 0,
  bytes: 2500,
  localTailMs: 60,
  resultBytes: 0,
  backendDecode: 'features',
  backendDecodeMs: 1,
  backendTailMs: 4,
}

test('planMix for a camera tells the mix, its bound and what one more Mbps brings', () => {
  const { mix, fluidBoundPerS, explanation } = planMix([middle, localPoint(100)], conditions, 60)
  expect(mix).toEqual({ 'middle/q8': expect.closeTo(19.4, 5) })
  expect(fluidBoundPerS).toBeCloseTo(20)
  expect(explanation.join('\n')).toContain('one more Mbps would give none more')
})
