import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fitOperations, predictMs } from '../../src/latency-model/operation-regression.ts'

test('fitOperations() finds the line that made the measurements', () => {
  const operations = fc.array(fc.integer({ min: 1, max: 1e9 }), { minLength: 2, maxLength: 20 })
  const parameter = fc.double({ min: 0.001, max: 10, noNaN: true })
  fc.assert(
    fc.property(operations, parameter, parameter, (counts, baseMs, nsPerOperation) => {
      fc.pre(new Set(counts).size > 1)
      const truth = (n: number) => baseMs + n * nsPerOperation * 1e-6
      const regression = fitOperations(counts.map((n) => ({ operations: n, ms: truth(n) })))
      for (const n of counts) expect(predictMs(regression, n) / truth(n)).toBeCloseTo(1, 2)
    }),
  )
})

test('fitOperations() never predicts negative times', () => {
  const measurement = fc.record({ operations: fc.nat(1e6), ms: fc.double({ min: 0, max: 100, noNaN: true }) })
  fc.assert(
    fc.property(fc.array(measurement, { minLength: 1, maxLength: 9 }), fc.nat(1e7), (pieces, operations) => {
      expect(predictMs(fitOperations(pieces), operations)).toBeGreaterThanOrEqual(0)
    }),
  )
  expect(() => fitOperations([])).toThrow('Cannot fit: there must be at least one measured piece')
})
