import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fluidBound, type MixProblem, mixProgram, solveMix } from '../../../src/scheduler/mix/program.ts'
import type { MixPlan, Resource } from '../../../src/scheduler/mix/resource.ts'
import { bestValues } from './highs-oracle.ts'
import { resources } from './three-plans.ts'

const milliseconds = fc.integer({ min: 1, max: 2000 }).map((value) => value / 10)
const plan = fc
  .record({ edge: milliseconds, uplink: milliseconds, workers: milliseconds, base: milliseconds })
  .map(({ edge, uplink, workers, base }) => ({
    name: `${edge} ${uplink}`,
    latencyMs: edge + uplink + workers + base,
    use: [edge, uplink, workers],
  }))
const stream = fc.record({
  name: fc.string(),
  priority: fc.integer({ min: 0, max: 1 }),
  weight: fc.constantFrom(1, 2),
  ratePerS: fc.integer({ min: 1, max: 60 }),
  arrivalCv2: fc.constantFrom(0.03, 1),
  plans: fc.array(plan, { minLength: 1, maxLength: 12 }),
})
const problems = fc.array(stream, { minLength: 1, maxLength: 4 }).map((streams) => ({ streams, resources }))

/** A single stream of the given plans. */
function problem(ratePerS: number, plans: readonly MixPlan[], more: Partial<MixProblem> = {}): MixProblem {
  return {
    streams: [{ name: 'a', priority: 1, weight: 1, ratePerS, arrivalCv2: 0.03, plans }],
    resources,
    ...more,
  }
}

const local: MixPlan = { name: 'local', latencyMs: 100, use: [100, 0, 0] }
const jpeg: MixPlan = { name: 'jpeg', latencyMs: 120, use: [0, 70, 10] }
const middle: MixPlan = { name: 'middle', latencyMs: 90, use: [40, 12, 8] }

test('solveMix finds what HiGHS finds, objective by objective', () => {
  fc.assert(
    fc.property(problems, (given) => {
      const program = mixProgram(given)
      const best = bestValues(program)
      const { rates, utilisation, answeredPerS, meanLatencyMs } = solveMix(given)
      expect((answeredPerS * meanLatencyMs) / 1000 + best.at(-1)!).toBeLessThan(1e-3)
      for (const [r, value] of utilisation.entries())
        expect(value).toBeLessThan(resources[r]!.maxUtilisation + 1e-6)
      for (const [s, { ratePerS }] of given.streams.entries())
        expect(rates[s]!.reduce((sum, rate) => sum + rate, 0)).toBeLessThan(ratePerS + 1e-6)
    }),
    { numRuns: 30 },
  )
})

test('solveMix of up to two plans is never beaten by any mix on a grid', () => {
  fc.assert(
    fc.property(plan, plan, fc.integer({ min: 1, max: 20 }), (a, b, ratePerS) => {
      const { answeredPerS, meanLatencyMs } = solveMix(problem(ratePerS, [a, b]))
      const best = { answered: 0, inSystem: 0 }
      for (let i = 0; i <= 100; i++) {
        for (let j = 0; i + j <= 100; j++) {
          const rates = [(ratePerS * i) / 100, (ratePerS * j) / 100] as const
          const inSystem = meanInSystem([a, b], rates)
          if (inSystem === Infinity) continue
          const answered = rates[0] + rates[1]
          if (
            answered > best.answered + 1e-9 ||
            (answered > best.answered - 1e-9 && inSystem < best.inSystem)
          )
            Object.assign(best, { answered, inSystem })
        }
      }
      expect(answeredPerS).toBeGreaterThan(best.answered - 1e-6)
      // The grid may miss what answers most; then it says nothing of the latency.
      const missed = answeredPerS > best.answered + 1e-6 ? Infinity : 1e-6
      expect((answeredPerS * meanLatencyMs) / 1000).toBeLessThan(best.inSystem + missed)
    }),
    { numRuns: 25 },
  )
})

/** By the curve itself: no tangent lies above it. Infinite where a resource would be used beyond its limit. */
function meanInSystem(plans: readonly MixPlan[], rates: readonly number[]): number {
  const served = plans.reduce((sum, { latencyMs }, p) => sum + (rates[p]! * latencyMs) / 1000, 0)
  return resources.reduce((sum, { perS, maxUtilisation }, r) => {
    const rho = plans.reduce((load, { use }, p) => load + (rates[p]! * use[r]!) / perS, 0)
    if (rho > maxUtilisation + 1e-9) return Infinity
    return sum + (((0.03 + 0.3) / 2) * rho ** 2) / (1 - rho)
  }, served)
}

test('solveMix takes the fastest plan alone where hardly anything is asked', () => {
  const { rates } = solveMix(problem(0.1, [local, jpeg, middle]))
  expect(rates[0]).toEqual([0, 0, expect.closeTo(0.1, 9)])
})

test('solveMix mixes plans and sheds what does not fit', () => {
  const { rates, answeredPerS, utilisation } = solveMix(problem(100, [local, jpeg, middle]))
  expect(rates[0]!.filter((rate) => rate > 0.1).length).toBeGreaterThan(1)
  expect(answeredPerS).toBeCloseTo(0.97 * fluidBound([local, jpeg, middle], resources), 6)
  expect(utilisation[0]).toBeCloseTo(0.97)
  expect(utilisation[1]).toBeCloseTo(0.97)
})

test('solveMix answers a higher priority first and shares evenly by weight within one', () => {
  const of = (name: string, priority: number, weight: number, ratePerS: number) => ({
    name,
    priority,
    weight,
    ratePerS,
    arrivalCv2: 0.03,
    plans: [local],
  })
  const answered = (streams: MixProblem['streams']) =>
    solveMix({ streams, resources }).rates.map(([rate]) => Number(rate!.toFixed(6)))
  expect(answered([of('a', 1, 1, 8), of('b', 2, 1, 6)])).toEqual([3.7, 6])
  expect(answered([of('a', 1, 1, 30), of('b', 1, 1, 30)])).toEqual([4.85, 4.85])
  expect(answered([of('a', 1, 2, 30), of('b', 1, 1, 30)])).toEqual([6.466667, 3.233333])
  // Who asks for less than its share has all of it; the others share the rest.
  expect(answered([of('a', 1, 1, 30), of('b', 1, 1, 2), of('c', 1, 1, 90)])).toEqual([3.85, 2, 3.85])
})

test('solveMix lets others have what a stream cannot use', () => {
  const { rates } = solveMix({
    resources,
    streams: [
      { name: 'here', priority: 1, weight: 1, ratePerS: 50, arrivalCv2: 0.03, plans: [local] },
      { name: 'there', priority: 1, weight: 1, ratePerS: 50, arrivalCv2: 0.03, plans: [jpeg] },
    ],
  })
  expect(rates[0]![0]).toBeCloseTo(9.7)
  expect(rates[1]![0]).toBeCloseTo(970 / 70)
})

test('solveMix prices a resource at what more of it would bring', () => {
  const given = problem(100, [local, jpeg, middle])
  const { prices, answeredPerS } = solveMix(given)
  for (const r of resources.keys()) {
    const richer = resources.map((resource, i) =>
      i === r ? { ...resource, perS: resource.perS + 1 } : resource,
    )
    const gain = solveMix({ ...given, resources: richer }).answeredPerS - answeredPerS
    expect(prices[r]).toBeCloseTo(gain, 4)
  }
})

test('a budget limits the mix though nobody waits for it', () => {
  const budget: Resource = { name: 'bytes', perS: 5000, maxUtilisation: 1, queue: undefined }
  const plans = [
    { ...local, use: [...local.use, 0] },
    { ...middle, use: [...middle.use, 2500] },
  ]
  const { rates } = solveMix(problem(8, plans, { resources: [...resources, budget] }))
  expect(rates[0]![1]).toBeCloseTo(2)
  expect(rates[0]![0]).toBeCloseTo(6)
})

test('fluidBound is what HiGHS finds, and no mix answers more', () => {
  fc.assert(
    fc.property(fc.array(plan, { minLength: 1, maxLength: 20 }), (plans) => {
      const bound = fluidBound(plans, resources)
      const [best] = bestValues({
        rows: resources.map((_, r) => plans.map(({ use }) => use[r]!)),
        limits: resources.map(({ perS }) => perS),
        objectives: [plans.map(() => 1)],
      })
      expect(bound / best!).toBeCloseTo(1, 6)
      expect(solveMix(problem(1e4, plans)).answeredPerS).toBeLessThan(bound)
    }),
    { numRuns: 25 },
  )
})

test('solveMix tells the mean latency of what is answered: the plan’s own where nobody waits, 0 of nothing', () => {
  expect(solveMix(problem(0.1, [middle])).meanLatencyMs).toBeCloseTo(90)
  expect(solveMix(problem(0, [middle])).meanLatencyMs).toBe(0)
  expect(fluidBound([], resources)).toBe(0)
})
