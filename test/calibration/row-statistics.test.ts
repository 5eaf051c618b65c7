import { expect, test } from 'vitest'
import { RowStatistics } from '../../src/calibration/row-statistics.ts'
import { accuracyLossBound } from '../../src/scheduler/accuracy-budget.ts'

const first = Float32Array.of(0.9, 0.1)
const second = Float32Array.of(0.1, 0.9)
const bytes = 10

/** A codec that changes 3 of 100 labelled answers for the worse, beside so many unlabelled ones that it leaves alone. */
function rowWith(unlabelled: number) {
  const statistics = new RowStatistics()
  for (let i = 0; i < 100; i++) statistics.add(first, i < 3 ? second : first, bytes, 0)
  for (let i = 0; i < unlabelled; i++) statistics.add(first, first, bytes)
  return statistics.row('middle', 'q4', { encodeMs: 1, decodeMs: 1 })
}

test('RowStatistics counts what the codec turned from right to wrong', () => {
  expect(rowWith(0)).toMatchObject({ agreement: 0.97, accuracy: 0.97, lost: 3, won: 0, bytesMean: 10 })
})

test('RowStatistics: losses of a labelled part are not held against all images', () => {
  const row = rowWith(1900)
  expect(row.lost).toBeUndefined()
  expect(accuracyLossBound(row, 2000)).toBeGreaterThan(3 / 2000)
  expect(accuracyLossBound(rowWith(0), 100)).toBeGreaterThan(0.03)
})
