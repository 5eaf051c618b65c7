import { expect, test } from 'vitest'
import { type Conditions, noBackend } from '../../../src/scheduler/choose-plan.ts'
import { mixPlans } from '../../../src/scheduler/mix/mix-plans.ts'
import { localPoint, type PlanPoint } from '../../../src/scheduler/plan-point.ts'

const conditions: Conditions = {
  ...noBackend,
  edgeFactor: 2,
  edgeWaitMs: 30,
  backendWaitMs: 7,
  tailFactor: 3,
  resume: 'when-late',
  link: {
    uplinkBps: 1e6,
    downlinkBps: 1e9,
    roundTripMs: 20,
    backlogBytes: 1000,
    relativeDeviation: 0.1,
  },
}
const middle: PlanPoint = {
  wound: 'middle',
  codec: 'q8',
  inputMs: 0,
  headMs: 20,
  encodeMs: 5,
  sendMs: 0,
  bytes: 2500,
  localTailMs: 60,
  backendDecode: 'features',
  backendDecodeMs: 1,
  backendTailMs: 4,
  resultBytes: 0,
}

test('mixPlans says what a point needs of edge, uplink and workers, slowed as they are, and what waits there', () => {
  const { plans, backlogMs, promisedMs, resources } = mixPlans([middle, localPoint(85)], conditions, 3, 500)
  expect(plans.map(({ name, use }) => [name, use])).toEqual([
    ['middle/q8', [50, 20, 13]],
    ['local/none', [170, 0, 0]],
  ])
  expect(backlogMs).toEqual([30, 8, 7])
  expect(promisedMs).toEqual([0, 4, 0])
  expect(resources.map(({ perS }) => perS)).toEqual([1000, 1000, 3000])
  // What is uncertain is not planned away whole.
  expect(resources.map(({ maxUtilisation }) => Number(maxUtilisation.toFixed(2)))).toEqual([0.97, 0.87, 0.97])
  // Nothing waits in an unloaded latency.
  expect(plans[0]!.latencyMs).toBeCloseTo(50 + 20 + 13 + 20, 0)
  expect(plans[1]!.latencyMs).toBeCloseTo(170, 0)
})

test('mixPlans leaves the local plan where there is no link', () => {
  const { plans } = mixPlans([middle, localPoint(85)], { ...conditions, link: undefined }, 1)
  expect(plans.map(({ name }) => name)).toEqual(['local/none'])
})
