import { expect, test } from 'vitest'
import { StreamProgram } from '../../agent/stream-program.ts'
import { unchangedOf } from '../../src/scheduler/mix/reuse.ts'

test('StreamProgram: what came before it forgets arrivals is in no report', () => {
  const program = new StreamProgram([
    { name: 'porch', priority: 0, weight: 1, keep: 'newest' },
    { name: unchangedOf('porch'), priority: 0, weight: 1, keep: 'newest' },
  ])
  expect(program.report([])).toBeUndefined()
  program.compared('porch', true, 2, 1000)
  program.forgetArrivals()
  expect(program.report([])).toBeUndefined()
  program.compared('porch', true, 2, 2000)
  expect(program.report([])!.explanation[0]).toMatch(/^All /)
  // Told once.
  expect(program.report([])).toBeUndefined()
})
