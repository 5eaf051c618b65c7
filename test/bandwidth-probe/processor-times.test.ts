import { expect, test } from 'vitest'
import { parseProcStat, readProcessorTimes } from '../../src/bandwidth-probe/processor-times.ts'

const procStat = `cpu  100 20 30 800 50 1 2 7 60 5
cpu0 50 10 15 400 25 1 1 3 30 2
intr 1 2 3
`

test('parseProcStat() counts idle and waiting as not busy, and guests once', () => {
  expect(parseProcStat(procStat)).toEqual({ busy: 160, total: 1010 })
  expect(parseProcStat('cpu  1 2 3 4\n')).toEqual({ busy: 6, total: 10 })
  for (const damaged of ['', 'cpu0 1 2 3 4\n', 'cpu  one\n', 'cpu  1 2\n'])
    expect(() => parseProcStat(damaged)).toThrow(/must begin with cpu/)
})

test('readProcessorTimes() grow while this process works', async ({ skip }) => {
  const before = await readProcessorTimes()
  if (before === undefined) return skip('There is no /proc/stat on this system')
  let after = before
  // A tick is a hundredth of a second.
  while (after.busy === before.busy) {
    for (let i = 0; i < 1e6; i++) Math.sqrt(i)
    after = (await readProcessorTimes())!
  }
  expect(after.busy - before.busy).toBeLessThanOrEqual(after.total - before.total)
  expect(before.total).toBeGreaterThan(before.busy)
})
