import { expect, test } from 'vitest'
import { explainMix } from '../../../src/scheduler/mix/explain-mix.ts'
import type { MixProblem } from '../../../src/scheduler/mix/program.ts'
import type { MixPlan, Resource } from '../../../src/scheduler/mix/resource.ts'
import { input, local, middle, resources } from './three-plans.ts'

const stream = (name: string, ratePerS: number, plans: readonly MixPlan[]) => ({
  name,
  priority: 1,
  weight: 1,
  ratePerS,
  arrivalCv2: 0.03,
  plans,
})
const alone = (ratePerS: number, plans: readonly MixPlan[]): MixProblem => ({
  resources,
  streams: [stream('porch', ratePerS, plans)],
})

test('explainMix() says what is shed, what is used up, and what more of it would bring', () => {
  // The edge may be used to 97 %: 9.7 local answers.
  expect(explainMix(alone(20, [local]))).toEqual([
    '9.7 of 20.0 inputs a second are answered, 10.3 are shed: more does not fit.',
    'local: 9.7 a second, 100 ms each (100 ms of edge); the fastest of them.',
    'edge is 97 % used; a tenth more of edge would give 1.0 more answers a second.',
    'uplink is 0 % used; a tenth more of uplink would give none more.',
    'workers is 0 % used; a tenth more of workers would give none more.',
    'No mix of these plans answers more than 10.0 a second.',
    'Splitting is pointless here: no plan that computes on both sides is worth its bytes.',
  ])
})

test('explainMix() names streams where there are several, what each plan waits for, and not the plans that nobody uses', () => {
  const bytes: Resource = { name: 'bytes', perS: 6000, maxUtilisation: 1, queue: undefined }
  const metered = (plan: MixPlan, of: number) => ({ ...plan, use: [...plan.use, of] })
  // So little that nobody waits.
  const lines = explainMix({
    resources: [...resources, bytes],
    streams: [
      stream('porch', 0.5, [metered(local, 0)]),
      stream('yard', 1, [metered(input, 0), metered(middle, 3000)]),
    ],
  })
  expect(lines).toEqual([
    'All 1.5 inputs a second are answered, after 93 ms on average.',
    'middle/q8 of yard: 1.0 a second, 90 ms each (40 ms of edge, 12 ms of uplink, 8 ms of workers); the fastest of them.',
    'local of porch: 0.5 a second, 100 ms each (100 ms of edge); it spares what the others need.',
    'edge is 9 % used; a tenth more of edge would give none more.',
    'uplink is 1 % used; a tenth more of uplink would give none more.',
    'workers is 1 % used; a tenth more of workers would give none more.',
    'bytes is 50 % used; a tenth more of bytes would give none more.',
    'No mix of these plans answers more than 10.0 a second of porch alone.',
    // 24.6 of them take the edge for 986 ms and all that is left of the uplink is 10.1 inputs as they come.
    expect.stringMatching(/^No mix of these plans answers more than \d+\.\d a second of yard alone\.$/),
  ])
})

test('explainMix() takes what is hardly shed for rounding', () => {
  expect(explainMix(alone(9.73, [local]))[0]).toMatch(/^All 9\.7 inputs a second are answered/)
  expect(explainMix(alone(9.78, [local]))[0]).toMatch(/^9\.7 of 9\.8 inputs/)
})

test('explainMix() tells of more of a resource in the words that are given, of other uplinks, and of limits', () => {
  const lines = explainMix(alone(40, [local]), {
    more: new Map([['edge', { words: 'a second core', share: 1 }]]),
    flips: [
      { uplinkTimes: 1 / 4, plan: 'local' },
      { uplinkTimes: 2, plan: 'input/received' },
    ],
    excluded: ['a', 'b', 'c', 'd'].map((name) => ({ name, limit: 'privacy' })),
  })
  expect(lines).toContain('edge is 97 % used; a second core would give 9.7 more answers a second.')
  expect(lines).toContain('With 1/4 of the uplink most would be answered by local.')
  expect(lines).toContain('With 2 times the uplink most would be answered by input/received.')
  expect(lines).toContain('Left out by privacy: a, b, c, d.')
})
