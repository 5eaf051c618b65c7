import { expect, test } from 'vitest'
import { type ArrivalKind, arrivalTimes } from '../../../lab/replay/arrivals.ts'
import { seededRandom } from '../../../lab/replay/random.ts'
import { simulate, type World } from '../../../lab/replay/simulate.ts'
import type { Beliefs } from '../../../src/scheduler/beliefs.ts'
import { fluidBound } from '../../../src/scheduler/mix/program.ts'
import { frameOptions } from '../../../src/scheduler/plan-frame.ts'
import type { PlanSetup } from '../../../src/scheduler/planner.ts'
import { pooledWorker } from '../../scheduler/pooled-worker.ts'
import { mobileNetOnPi4 } from './pi4.ts'

const localMs = 100
const inputMs = 6
const bytes = 17_000
const delayMs = 5
const tailMs = { input: 12, pictureMs: 3, whole: 8 }
const setup = await mobileNetOnPi4()

/** The worker takes a twelfth of the edge's time. */
const tails = new Map(
  setup.chain.wounds.slice(0, -1).map(({ id }, i): [string, number] => {
    const left = setup.profile.segments.slice(i).reduce((sum, { medianMs }) => sum + medianMs, 0)
    return [id, id === 'input' ? tailMs.input : (tailMs.whole * left) / localMs]
  }),
)

function worldAt(mbps: number, policy: PlanSetup['policy'], times: readonly number[]): World {
  const phases = [{ fromMs: 0, capacity: 1e6 * mbps, oneWayDelayMs: delayMs }]
  return {
    setup: { ...setup, policy },
    uplink: phases,
    downlink: phases,
    edgeFactorAt: () => 1,
    inputMs,
    workers: [
      { id: 'w', tailMs: tails, pictureMs: tailMs.pictureMs, factorAt: () => 1, stateAt: () => 'serves' },
    ],
    streams: [{ name: 'camera', priority: 0, weight: 1, keep: 'newest' }],
    arrivals: times.map((atMs) => ({ atMs, bytes, stream: 'camera' })),
    timeLimitMs: 10_000,
  }
}

/** What any mix of plans can give at most, everything being known. */
function boundPerS(mbps: number): number {
  const link = { uplinkBps: 1e6 * mbps, downlinkBps: 1e6 * mbps, roundTripMs: 2 * delayMs }
  const worker = pooledWorker({ tailMs: tails, pictureMs: tailMs.pictureMs })
  const beliefs: Beliefs = {
    nowMs: 0,
    link: { kind: 'up', ...link, backlogBytes: 0, relativeDeviation: 0 },
    edge: { factor: 1, waitMs: 0, inputMs, inputs: new Map() },
    workers: [worker],
    promisedBytes: 0,
  }
  const { plans, resources } = frameOptions(setup, beliefs, bytes)
  return fluidBound(plans, resources)
}

/** Until the link is known at full load. */
const warmUpMs = 10_000

async function play(
  mbps: number,
  kind: ArrivalKind,
  perS: number,
  seconds: number,
  policy: PlanSetup['policy'] = 'surgeon',
) {
  const times = arrivalTimes(kind, perS, warmUpMs + 1000 * seconds, seededRandom(7))
  const all = await simulate(worldAt(mbps, policy, times))
  for (const { outcomes } of all) expect(outcomes).toBe(1)
  const requests = all.filter(({ arrival }) => arrival.atMs >= warmUpMs)
  const answered = requests.filter(({ outcome }) => outcome?.kind === 'answered')
  const sorted = answered.map(({ trace }) => trace.measured.totalMs).toSorted((a, b) => a - b)
  return {
    offered: requests.length,
    answered: answered.length,
    answeredPerS: answered.length / seconds,
    p95: sorted[Math.floor(0.95 * sorted.length)]!,
    wounds: new Set(answered.map(({ trace }) => trace.plan!.chosen.point.wound)),
  }
}

test.each([
  [0.25, 0.96, 2.5],
  [0.5, 0.96, 2.5],
  [2, 0.96, 2.5],
  [4, 0.96, 2.5],
])(
  'a camera over %s Mbps: all are answered while that is possible, %s of what is possible beyond, p95 within %s local times',
  async (mbps, share, times) => {
    const bound = boundPerS(mbps)
    const calm = await play(mbps, 'camera', 0.9 * bound, 12)
    expect(calm.answered / calm.offered).toBeGreaterThanOrEqual(0.99)
    expect(calm.p95).toBeLessThanOrEqual(times * (localMs + inputMs))
    const busy = await play(mbps, 'camera', 1.3 * bound, 12)
    expect(busy.answeredPerS).toBeGreaterThanOrEqual(share * bound)
  },
)

test('a camera over 2 Mbps has 1.6 times the answers of the better of local and JPEG, cut in the middle', async () => {
  const perS = 1.3 * boundPerS(2)
  const mixed = await play(2, 'camera', perS, 12)
  const local = await play(2, 'camera', perS, 12, 'local')
  const input = await play(2, 'camera', perS, 12, 'input')
  expect(mixed.answered).toBeGreaterThanOrEqual(1.6 * Math.max(local.answered, input.answered))
  expect([...mixed.wounds].filter((wound) => wound !== 'input' && wound !== 'local').length).toBeGreaterThan(
    0,
  )
})

test('requests by chance at half of what is possible are answered within three local times', async () => {
  const calm = await play(2, 'poisson', 0.5 * boundPerS(2), 20)
  expect(calm.answered / calm.offered).toBeGreaterThanOrEqual(0.98)
  expect(calm.p95).toBeLessThanOrEqual(3 * (localMs + inputMs))
})
