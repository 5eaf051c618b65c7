import fc from 'fast-check'
import { expect, test } from 'vitest'
import { withMixedServices } from '../../../src/scheduler/mix/mixed-services.ts'
import { type MixProblem, solveMix } from '../../../src/scheduler/mix/program.ts'
import type { MixPlan, Resource } from '../../../src/scheduler/mix/resource.ts'

const resource = (name: string, serviceCv2: number): Resource => ({
  name,
  perS: 1000,
  maxUtilisation: 0.97,
  queue: { servers: 1, serviceCv2 },
})

function problem(plans: readonly MixPlan[], ratePerS: number, resources: readonly Resource[]): MixProblem {
  return { streams: [{ name: 'a', priority: 0, weight: 1, ratePerS, arrivalCv2: 0.03, plans }], resources }
}

test('withMixedServices() has the variation of services drawn at the rates of the mix', () => {
  const services = fc.record({ rate: fc.integer({ min: 1, max: 9 }), need: fc.integer({ min: 1, max: 500 }) })
  fc.assert(
    fc.property(
      fc.array(services, { minLength: 1, maxLength: 6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (drawn, own) => {
        // Each plan's services are half of the time so much less than its mean, and half so much more.
        const off = Math.sqrt(own)
        const times = drawn.flatMap(({ rate, need }) =>
          Array.from({ length: rate }, () => [need * (1 - off), need * (1 + off)]).flat(),
        )
        const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length
        const variance = times.reduce((sum, ms) => sum + (ms - mean) ** 2, 0) / times.length
        const plans = drawn.map(({ need }, i) => ({ name: `${i}`, latencyMs: 1, use: [need, 0] }))
        const given = problem(plans, 1, [resource('edge', own), resource('uplink', 0.3)])
        const solution = { ...solveMix(given), rates: [drawn.map(({ rate }) => rate)] }
        const [edge, uplink] = withMixedServices(given, solution).resources
        expect(edge!.queue!.serviceCv2).toBeCloseTo(variance / mean ** 2, 6)
        // Nobody uses it.
        expect(uplink!.queue!.serviceCv2).toBeCloseTo(0.3)
      },
    ),
  )
})

test('withMixedServices() leaves a budget as it is, and has fewer large messages among small ones', () => {
  const small: MixPlan = { name: 'small', latencyMs: 128, use: [49, 23] }
  const large: MixPlan = { name: 'large', latencyMs: 160, use: [0, 120] }
  const budget: Resource = { name: 'bytes', perS: 1e6, maxUtilisation: 1, queue: undefined }
  const plans = [small, large].map((plan) => ({ ...plan, use: [...plan.use, 1] }))
  const given = problem(plans, 19, [resource('edge', 0.05), resource('uplink', 0.05), budget])
  const first = solveMix(given)
  const mixed = withMixedServices(given, first)
  expect(mixed.resources[2]).toBe(budget)
  expect(first.rates[0]![1]).toBeGreaterThan(0)
  const second = solveMix(mixed)
  expect(second.rates[0]![1]).toBeLessThan(first.rates[0]![1]!)
  expect(second.answeredPerS).toBeCloseTo(first.answeredPerS, 6)
})
