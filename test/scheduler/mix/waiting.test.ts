import fc from 'fast-check'
import { expect, test } from 'vitest'
import { meanWaiting, waitingTangents } from '../../../src/scheduler/mix/waiting.ts'

const queues = fc.record({
  servers: fc.integer({ min: 1, max: 8 }),
  arrivalCv2: fc.double({ min: 0, max: 2, noNaN: true }),
  serviceCv2: fc.double({ min: 0, max: 2, noNaN: true }),
})

test('meanWaiting of chance arrivals and services at one server is exact: rho^2 / (1 - rho)', () => {
  expect(meanWaiting({ servers: 1, arrivalCv2: 1, serviceCv2: 1 }, 0.8)).toBeCloseTo(3.2)
})

test('tangents lie below the curve, never far, and limit nothing at rest', () => {
  fc.assert(
    fc.property(queues, fc.double({ min: 0, max: 0.96, noNaN: true }), (queue, utilisation) => {
      const tangents = waitingTangents(queue)
      const highest = Math.max(0, ...tangents.map(({ slope, offset }) => slope * utilisation - offset))
      const exact = meanWaiting(queue, utilisation)
      expect(highest).toBeLessThanOrEqual(exact * (1 + 1e-9) + 1e-12)
      expect(exact - highest).toBeLessThan(0.1 + 0.12 * exact)
      for (const { offset } of tangents) expect(offset).toBeGreaterThanOrEqual(0)
    }),
  )
})
