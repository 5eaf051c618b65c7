import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { balanceTensors } from '../../src/calibration/balance-tensors.ts'

const tensors = fc.array(
  fc.record({
    channels: fc.integer({ min: 1, max: 4 }),
    area: fc.integer({ min: 4, max: 40 }),
    deviation: fc.double({ min: 1, max: 3, noNaN: true }),
    sensitivity: fc.double({ min: 0.5, max: 4, noNaN: true }),
  }),
  { minLength: 2, maxLength: 4 },
)

/** Values plus and minus the deviation about a mean of the channel's own. */
function mapsOf({ channels, area, deviation }: { channels: number; area: number; deviation: number }) {
  return [1, -1].map((sign) =>
    Float32Array.from(
      { length: channels * area },
      (_, i) => 3 * Math.floor(i / area) + (i % 2 === 0 ? sign : -sign) * deviation,
    ),
  )
}

test('balanceTensors() finds the steps of least divergence at a given rate', async () => {
  await fc.assert(
    fc.asyncProperty(tensors, async (given) => {
      const crossing = given.map((tensor) => ({ channels: tensor.channels, maps: mapsOf(tensor) }))
      const balance = await balanceTensors(crossing, (t, disturbed) =>
        Promise.resolve(
          disturbed.reduce(
            (all, { noise }) => all + given[t]!.sensitivity * noise.reduce((sum, x) => sum + x * x, 0),
            0,
          ),
        ),
      )
      // Divergence of steps: each value's noise has the power of its step squared.
      const values = given.map(({ channels, area }) => channels * area)
      const steps = given.map(({ deviation }, t) => balance[t]! * deviation)
      const divergence = (factors: readonly number[]) =>
        given.reduce(
          (sum, { sensitivity }, t) => sum + values[t]! * sensitivity * (steps[t]! * factors[t]!) ** 2,
          0,
        )
      expect(values.reduce((sum, count, t) => sum + count * Math.log(balance[t]!), 0)).toBeCloseTo(0, 4)
      // At the optimum every exchange of rate between two tensors makes it worse.
      const best = divergence(steps.map(() => 1))
      for (const exchange of [0.9, 1.1]) {
        const factors = steps.map(() => 1)
        factors[0] = exchange
        factors[1] = exchange ** (-values[0]! / values[1]!)
        expect(divergence(factors)).toBeGreaterThan(best * 0.9999)
      }
    }),
    { numRuns: 60 },
  )
  expect(
    await balanceTensors([{ channels: 1, maps: [] }], () => Promise.reject(new Error('not asked'))),
  ).toEqual([1])
})
