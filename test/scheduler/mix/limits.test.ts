import { expect, test } from 'vitest'
import { explainMix } from '../../../src/scheduler/mix/explain-mix.ts'
import { type MixLimits, requirePlans, withinLimits } from '../../../src/scheduler/mix/limits.ts'
import { solveMix } from '../../../src/scheduler/mix/program.ts'
import type { MixPlan } from '../../../src/scheduler/mix/resource.ts'
import { input, local, middle, plan, resources } from './three-plans.ts'

const candidates = [
  { plan: input, wound: 'input', bytes: 20_000 },
  { plan: middle, wound: 'middle', bytes: 3000 },
  { plan: local, wound: 'local', bytes: 0 },
]
const wounds = ['input', 'middle', 'local']
const stream = (plans: readonly MixPlan[], ratePerS: number) => ({
  name: 'a',
  priority: 1,
  weight: 1,
  ratePerS,
  arrivalCv2: 0.03,
  plans,
})

test('privacy keeps the input, and what is shallower than a wound, on the edge', () => {
  const names = (privacy: string) =>
    withinLimits(candidates, resources, wounds, { privacy }).plans.map(({ name }) => name)
  expect(names('none')).toHaveLength(3)
  expect(names('noInput')).toEqual(['middle/q8', 'local'])
  expect(names('local')).toEqual(['local'])
  expect(() => names('nowhere')).toThrow('privacy must be none, noInput or one of input, middle, local')
})

test('a deadline leaves out plans that cannot keep it, and says which', () => {
  const { plans, excluded } = withinLimits(candidates, resources, wounds, { deadlineMs: 95 })
  expect(plans.map(({ name }) => name)).toEqual(['middle/q8'])
  expect(excluded).toEqual([
    { name: 'input/received', limit: 'deadlineMs' },
    { name: 'local', limit: 'deadlineMs' },
  ])
})

test('limits that leave nothing say which to relax', () => {
  const require = (limits: MixLimits) =>
    requirePlans(withinLimits(candidates, resources, wounds, limits), candidates, wounds, limits)
  expect(() => require({ privacy: 'local', deadlineMs: 95 })).toThrow(
    'no plan is left; deadlineMs must be at least 100, or privacy local relaxed, current value is 95',
  )
  expect(() => require({ deadlineMs: 10 })).toThrow('deadlineMs must be at least 90, current value is 10')
  require({ deadlineMs: 90 })
})

test('limits tell that privacy is what is in the way also of a plan that is just in time', () => {
  const limits = { privacy: 'local', deadlineMs: 90 }
  const left = withinLimits(candidates, resources, wounds, limits)
  expect(() => requirePlans(left, candidates, wounds, limits)).toThrow(
    'deadlineMs must be at least 100, or privacy local relaxed, current value is 90',
  )
  // Where there was nothing to begin with, no limit is to blame.
  requirePlans({ ...left, plans: [] }, [], wounds, limits)
})

test('without a budget plans and resources are as they were; joules need to know what the device draws', () => {
  for (const limits of [{}, { joulesPerDay: 86_400 }, { power: { computingWatts: 3, sendingWatts: 2 } }]) {
    const within = withinLimits(candidates, resources, wounds, limits)
    expect(within.plans.map((each, i) => each === candidates[i]!.plan)).toEqual([true, true, true])
    expect(within.resources).toEqual(resources)
    expect(within.excluded).toEqual([])
  }
})

test('joules are counted from what the edge computes and what is sent', () => {
  const limits = { joulesPerDay: 86_400, power: { computingWatts: 3, sendingWatts: 2 } }
  const { plans, resources: limited } = withinLimits(candidates, resources, wounds, limits)
  expect(limited.at(-1)).toMatchObject({ name: 'joules', perS: 1 })
  // 70 ms of sending; 40 of computing and 12 of sending; 100 of computing.
  expect(plans.map(({ use }) => use.at(-1))).toEqual([0.14, 0.144, 0.3])
  const { answeredPerS, utilisation } = solveMix({ streams: [stream(plans, 50)], resources: limited })
  expect(utilisation.at(-1)).toBeCloseTo(1)
  expect(answeredPerS).toBeCloseTo(1 / 0.14, 1)
})

test('budgets limit what is sent and how much of the edge is used', () => {
  const limited = withinLimits(candidates, resources, wounds, {
    uplinkBytesPerDay: 86_400 * 6000,
    edgeShare: 0.5,
  })
  const { utilisation, rates } = solveMix({
    streams: [stream(limited.plans, 50)],
    resources: limited.resources,
  })
  expect(utilisation[0]).toBeLessThan(0.5 + 1e-6)
  const bytesPerS = candidates.reduce((sum, { bytes }, p) => sum + bytes * rates[0]![p]!, 0)
  expect(bytesPerS).toBeCloseTo(6000)
})

test('explainMix says what is answered by what, what more would bring, and the bound', () => {
  const plans = candidates.map((candidate) => candidate.plan)
  const problem = { streams: [stream(plans, 100)], resources }
  const more = new Map([['uplink', { words: 'one more Mbps', share: 0.5 }]])
  const richer = resources.map((resource) =>
    resource.name === 'uplink' ? { ...resource, perS: 1500 } : resource,
  )
  const gain = solveMix({ ...problem, resources: richer }).answeredPerS - solveMix(problem).answeredPerS
  const lines = explainMix(problem, { more })
  expect(lines[0]).toMatch(/^3\d\.\d of 100\.0 inputs a second are answered/)
  expect(lines).toContain(
    `uplink is 97 % used; one more Mbps would give ${gain.toFixed(1)} more answers a second.`,
  )
  expect(lines.join('\n')).toContain('middle/q8: ')
  expect(lines.join('\n')).not.toContain('pointless')
})

test('explainMix says where splitting is pointless', () => {
  const plans = [candidates[0]!.plan, candidates[2]!.plan]
  expect(explainMix({ streams: [stream(plans, 5)], resources }).at(-1)).toContain(
    'Splitting is pointless here',
  )
})

test('explainMix sees a split of any of several models', () => {
  const several = [
    ...resources.slice(0, 2),
    { ...resources[2]!, name: 'workers of a' },
    { ...resources[2]!, name: 'workers of b' },
  ]
  const ofB = plan('middle/q8', 90, [40, 12, 0, 8])
  const lines = explainMix({ streams: [stream([ofB], 5)], resources: several })
  expect(lines.join('\n')).not.toContain('pointless')
})
