import { expect, test } from 'vitest'
import { doubtfulOf, type InputStream, mixStreams } from '../../agent/input-streams.ts'
import type { Beliefs } from '../../src/scheduler/beliefs.ts'
import type { StreamPlans } from '../../src/scheduler/mix/common-resources.ts'
import { Mix } from '../../src/scheduler/mix/mix.ts'
import { planFrame } from '../../src/scheduler/plan-frame.ts'
import type { PlanSetup } from '../../src/scheduler/planner.ts'
import { pooledWorker } from '../scheduler/pooled-worker.ts'
import { toyLink } from '../scheduler/toy-beliefs.ts'
import { toySetup } from '../scheduler/toy-setup.ts'

/** 100 ms on the edge, 41 up to the middle; as it comes an input takes the uplink for 68 ms. */
const small: PlanSetup = { ...toySetup(), workersOf: 'small' }
/** Only workers hold it, and it takes them longer. */
const large: PlanSetup = { ...toySetup(), workersOf: 'large', wound: 'input' }
const bytes = 17_000
const stream: InputStream = {
  name: 'porch',
  priority: 0,
  weight: 1,
  keep: 'newest',
  deadlineMs: 5000,
  input: 'porch',
  shedReplies: true,
  sourceOf: () => 'porch',
  model: { model: 'small' },
  cascade: { model: 'large', below: 0.6 },
}

const beliefs = (nowMs: number, tailMs: number): Beliefs => ({
  nowMs,
  link: toyLink,
  edge: { factor: 1, waitMs: 0, inputMs: 0, inputs: new Map() },
  workers: [
    pooledWorker({
      tailMs: new Map([
        ['input', tailMs],
        ['middle', 5],
      ]),
    }),
  ],
  promisedBytes: 0,
})

/** Ten seconds of so many inputs a second, each `every`-th of them doubtful. */
function play(perS: number, every: number) {
  const mix = new Mix(mixStreams([stream]))
  const plansOf = new Map<string, StreamPlans>()
  const ask = (setup: PlanSetup, name: string, nowMs: number, tailMs: number) => {
    mix.observeArrival(name, nowMs)
    return planFrame(setup, beliefs(nowMs, tailMs), bytes, mix, name, plansOf)
  }
  const answered = { first: 0, second: 0, asked: 0 }
  for (let i = 0; i < 12 * perS; i++) {
    const nowMs = (1000 * i) / perS
    const counts = nowMs >= 2000 ? 1 : 0
    const first = ask(small, 'porch', nowMs, 10)
    if (first.kind === 'plan') answered.first += counts
    if (i % every !== 0 || first.kind !== 'plan') continue
    answered.asked += counts
    const second = ask(large, doubtfulOf('porch'), nowMs + 10, 60)
    if (second.kind !== 'plan') continue
    answered.second += counts
    expect(second.plan.chosen.point.wound).toBe('input')
  }
  return { ...answered, resources: mix.solution!.problem.resources.map(({ name }) => name) }
}

test('doubtful inputs are a class of their own, with workers of their own, after the first answers', () => {
  const [first, second] = mixStreams([stream])
  expect(second).toMatchObject({ name: 'porch/doubtful', keep: 'newest', deadlineMs: 5000 })
  expect(second!.priority).toBeLessThan(first!.priority)
  expect(second!.priority).toBeGreaterThan(first!.priority - 1)
})

test('what there is for it goes to the larger model, and first answers make room on the uplink', () => {
  const { first, second, asked, resources } = play(20, 4)
  expect(resources).toEqual(['edge', 'uplink', 'workers of small', 'workers of large'])
  expect(first).toBe(200)
  expect(second / asked).toBeGreaterThan(0.95)
})

test('where first answers need all there is, doubtful ones stay as they are and displace none', () => {
  const { first: alone } = play(45, Infinity)
  const { first, second, asked } = play(45, 4)
  expect(first / alone).toBeGreaterThan(0.97)
  expect(second / asked).toBeLessThan(0.2)
})
