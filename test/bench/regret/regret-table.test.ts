import { expect, test } from 'vitest'
import type { RegretRow } from '../../../bench/regret/regret-matrix.ts'
import { markdownTable, regretTables } from '../../../bench/regret/regret-table.ts'

const row: RegretRow = {
  trace: 'a.up',
  model: 'toy',
  edge: 'pi.csv',
  inputBytes: 17_000,
  workerWaitMs: 0,
  load: 0,
  policy: 'surgeon',
  requests: 10,
  regretMean: 0.01,
  regretP95: 0.06,
  meanMs: 100,
  p95Ms: 200,
  shareOfBound: 0.9,
}

test('regretTables() has policies by traces, and counts the cases that hold both limits', () => {
  const late = { ...row, regretMean: 0.01, regretP95: 0.09 }
  const other = { ...row, trace: 'b.up', regretMean: 0.03 }
  const loaded = { ...row, load: 1.5, shareOfBound: 0.5 }
  const [alone, busy] = regretTables([row, late, other, loaded])
  expect(alone).toEqual({
    load: 0,
    rows: [
      ['policy', 'a.up', 'b.up', 'cases held'],
      ['surgeon', '1.0 / 7.5', '3.0 / 6.0', '1 of 3'],
    ],
  })
  expect(busy).toEqual({
    load: 1.5,
    rows: [
      ['policy', 'a.up', 'b.up', 'all'],
      ['surgeon', '50.0', '-', '50.0'],
    ],
  })
  expect(markdownTable(busy!.rows).split('\n')).toEqual([
    '| policy | a.up | b.up | all |',
    '|---|---|---|---|',
    '| surgeon | 50.0 | - | 50.0 |',
  ])
})
