import fc from 'fast-check'
import { expect, test } from 'vitest'
import { maximise } from '../../../src/scheduler/mix/lexicographic-simplex.ts'
import { bestValues } from './highs-oracle.ts'

const programs = fc
  .record({ width: fc.integer({ min: 1, max: 8 }), height: fc.integer({ min: 1, max: 6 }) })
  .chain(({ width, height }) => {
    const numbers = fc.array(fc.integer({ min: -3, max: 6 }), { minLength: width, maxLength: width })
    return fc.record({
      rows: fc.array(numbers, { minLength: height, maxLength: height }),
      limits: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: height, maxLength: height }),
      objectives: fc.array(numbers, { minLength: 1, maxLength: 3 }),
      width: fc.constant(width),
    })
  })
  // A row that bounds all variables, so that no objective grows without end.
  .map(({ rows, limits, objectives, width }) => ({
    rows: [...rows, Array.from({ length: width }, () => 1)],
    limits: [...limits, 10],
    objectives,
  }))

test('maximise finds the optimum of each objective in turn that HiGHS finds', () => {
  fc.assert(
    fc.property(programs, (program) => {
      const { x, values } = maximise(program)
      for (const [rank, value] of bestValues(program).entries()) expect(values[rank]).toBeCloseTo(value, 4)
      for (const [i, row] of program.rows.entries())
        expect(row.reduce((sum, value, j) => sum + value * x[j]!, 0)).toBeLessThan(program.limits[i]! + 1e-6)
      for (const value of x) expect(value).toBeGreaterThan(-1e-9)
    }),
    { numRuns: 50 },
  )
})

test('maximise says what one more unit of a limit is worth', () => {
  // 3x + 2y under x + y <= 4, x + 3y <= 7, x <= 3.
  const program = {
    rows: [
      [1, 1],
      [1, 3],
      [1, 0],
    ],
    limits: [4, 7, 3],
    objectives: [[3, 2]],
  }
  const { values, prices } = maximise(program)
  expect(values[0]).toBeCloseTo(11)
  expect(prices[0]).toEqual([2, 0, 1])
  const richer = maximise({ ...program, limits: [4.1, 7, 3] })
  expect(richer.values[0]! - values[0]!).toBeCloseTo(0.1 * prices[0]![0]!)
})

test('maximise ends on a program on which the largest coefficient alone goes round in circles', () => {
  // Beale, Naval Research Logistics Quarterly 2, 1955.
  const { values } = maximise({
    rows: [
      [0.25, -60, -0.04, 9],
      [0.5, -90, -0.02, 3],
      [0, 0, 1, 0],
    ],
    limits: [0, 0, 1],
    objectives: [[0.75, -150, 0.02, -6]],
  })
  expect(values[0]).toBeCloseTo(0.05)
})

test('maximise names a negative limit and an objective without bound', () => {
  expect(() => maximise({ rows: [[1]], limits: [-1], objectives: [[1]] })).toThrow(
    'limits[0] must be >= 0, current value is -1',
  )
  expect(() => maximise({ rows: [[-1]], limits: [1], objectives: [[1]] })).toThrow(
    'objectives[0] must have an upper bound',
  )
})
