import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { expectedRun } from '../../src/executor/run-forecast.ts'
import { type RunJob, RunQueue } from '../../src/executor/run-queue.ts'
import { anyJob, events, job, Machine, machineWith, manyLimits, play } from './run-machine.ts'

describe('expectedRun', () => {
  test('tells the work that is due before', () => {
    const machine = machineWith([
      job('a', { dueMs: 10, segmentsMs: [20, 20] }),
      job('b', { dueMs: 50, segmentsMs: [30] }),
      job('c', { urgency: 'insurance', dueMs: 0, segmentsMs: [40] }),
    ])
    machine.advance(5)
    const wait = (fields: Partial<RunJob>) => expectedRun(machine.queue.backlog(5), job('', fields)).waitMs
    expect(wait({ dueMs: 0 })).toBe(15)
    expect(wait({ dueMs: 20 })).toBe(35)
    expect(wait({ dueMs: 60 })).toBe(65)
    expect(wait({ urgency: 'insurance', dueMs: 60 })).toBe(105)
  })

  test('what is over its time is expected to end now', () => {
    const machine = machineWith([job('a', { segmentsMs: [20, 20] })])
    machine.begin()
    const late = expectedRun(machine.queue.backlog(70), job('', { dueMs: 1 }))
    expect(late).toEqual({ waitMs: 20, finishMs: 40 })
  })

  test('is what then happens, and leaves the queue as it was', () => {
    const property = fc.property(manyLimits, events(anyJob), anyJob, (some, played, newcomer) => {
      const machine = new Machine(new RunQueue(some))
      play(machine, played)
      machine.begin()
      const atMs = machine.nowMs
      const before = machine.queue.backlog(atMs)
      const expected = expectedRun(before, newcomer)
      expect(machine.queue.backlog(atMs)).toEqual(before)
      machine.queue.add({ ...newcomer, id: 'new' })
      machine.advance()
      const own = machine.ran.filter(({ id }) => id === 'new')
      expect(expected).toEqual({ waitMs: own[0]!.beginMs - atMs, finishMs: own.at(-1)!.endMs - atMs })
    })
    fc.assert(property, { numRuns: 1000 })
  })
})
