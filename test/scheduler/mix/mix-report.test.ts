import { expect, test } from 'vitest'
import { mixFlips } from '../../../src/scheduler/mix/mix-flips.ts'
import { reportMix } from '../../../src/scheduler/mix/mix-report.ts'
import type { MixProblem } from '../../../src/scheduler/mix/program.ts'
import type { MixPlan } from '../../../src/scheduler/mix/resource.ts'
import { reusePlans, unchangedClass } from '../../../src/scheduler/mix/reuse.ts'
import { input, local, middle, resources } from './three-plans.ts'

function problem(ratePerS: number, plans: readonly MixPlan[] = [input, middle, local]): MixProblem {
  return {
    resources,
    streams: [{ name: 'porch', priority: 1, weight: 1, ratePerS, arrivalCv2: 0.03, plans }],
  }
}

test('reportMix() tells what a stream is answered by, the most used first, and what is used up', () => {
  const { streams, resources: used, explanation } = reportMix(problem(100))
  const [porch] = streams
  expect(porch).toMatchObject({ name: 'porch', perS: 100 })
  expect(porch!.plans.map(({ name }) => name)).toEqual(['middle/q8', 'input/received'])
  const sum = porch!.plans.reduce((total, { perS }) => total + perS, 0)
  expect(porch!.answeredPerS).toBeCloseTo(sum)
  // All of 1000 ms of each: 25 in the middle take 300 ms of the uplink, and 10 as they came the rest.
  expect(porch!.boundPerS).toBeCloseTo(35)
  expect(used.map(({ utilisation }) => utilisation)).toEqual([
    expect.closeTo(0.97),
    expect.closeTo(0.97),
    expect.closeTo((8 * porch!.plans[0]!.perS + 10 * porch!.plans[1]!.perS) / 1000),
  ])
  expect(used[2]!.price).toBe(0)
  expect(explanation[0]).toContain('inputs a second are answered')
  expect(reportMix(problem(1)).excluded).toEqual([])
})

test('reportMix() tells which share of a stream looks like the last one, and answers all of that', () => {
  const porch = { name: 'porch', priority: 1, weight: 1, keep: 'newest' } as const
  const { name, priority, weight, keep } = unchangedClass(porch)
  expect(keep).toBe('all')
  const { plans, resources: none } = reusePlans(2)
  expect(none).toEqual([])
  const needingNothing = plans.map((plan) => ({ ...plan, use: resources.map(() => 0) }))
  const unchanged = { name, priority, weight, ratePerS: 100, arrivalCv2: 0.03, plans: needingNothing }
  const { streams } = reportMix(
    { ...problem(10), streams: [...problem(10).streams, unchanged] },
    { unchanged: new Map([['porch', 0.9]]) },
  )
  expect(streams[0]).not.toHaveProperty('share')
  expect(streams[1]).toMatchObject({
    name: 'porch/unchanged',
    share: 0.9,
    answeredPerS: expect.closeTo(100),
    plans: [{ name: 'reuse', latencyMs: 2 }],
  })
  expect(streams[1]).not.toHaveProperty('boundPerS')
})

test('mixFlips() finds the nearest halving and doubling of the uplink that change what most are answered by', () => {
  // The middle takes 90 ms: 102 with half the uplink, where local would wait for the edge longer, and 126 with a quarter.
  // Twice the uplink makes it 84 and the input 85, four times 81 and 68.
  expect(mixFlips(problem(5))).toEqual([
    { uplinkTimes: 1 / 4, plan: 'local' },
    { uplinkTimes: 4, plan: 'input/received' },
  ])
})

test('mixFlips() finds none where nothing is sent, and none without inputs', () => {
  expect(mixFlips(problem(5, [local]))).toEqual([])
  expect(mixFlips(problem(0))).toEqual([])
  expect(mixFlips({ ...problem(5), streams: [] })).toEqual([])
})

test('mixFlips() knows the uplink by its name, wherever it stands, and finds none where there is none', () => {
  const { streams } = problem(5)
  const turned = (use: readonly number[]) => [use[1]!, use[0]!, use[2]!]
  const plans = streams[0]!.plans.map((plan) => ({ ...plan, use: turned(plan.use) }))
  const swapped = {
    resources: [resources[1]!, resources[0]!, resources[2]!],
    streams: [{ ...streams[0]!, plans }],
  }
  expect(mixFlips(swapped)).toEqual(mixFlips(problem(5)))
  const nameless = resources.map((resource) => ({ ...resource, name: `other ${resource.name}` }))
  expect(mixFlips({ resources: nameless, streams })).toEqual([])
})

test('what limits leave out is told by the limit, at most four by name', () => {
  const excluded = [
    ...['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ name, limit: 'maxAccuracyLoss' as const })),
    { name: 'input', limit: 'privacy' as const },
  ]
  const { explanation } = reportMix(problem(5), { excluded })
  expect(explanation).toContain('Left out by maxAccuracyLoss: a, b, c, d and 2 more.')
  expect(explanation).toContain('Left out by privacy: input.')
})
