import { describe, expect, test } from 'vitest'
import { expectedRun } from '../../src/executor/run-forecast.ts'
import { job, machineWith } from './run-machine.ts'

describe('RunQueue', () => {
  test('an urgent answer waits for one segment of insurance, not for its turn at each border', () => {
    const machine = machineWith([
      job('insurance', { urgency: 'insurance', dueMs: 60_000, segmentsMs: [20, 20, 20, 20, 20] }),
    ])
    machine.begin()
    machine.queue.add(job('answer', { dueMs: 0, segmentsMs: [20, 20, 20, 20, 20] }))
    machine.advance()
    expect(machine.endOf('answer')).toBe(120)
    expect(machine.endOf('insurance')).toBe(200)
  })

  test('requests due at once finish one after the other, not interleaved', () => {
    const names = ['1', '2', '3', '4', '5', '6']
    const machine = machineWith(names.map((id) => job(id, { segmentsMs: [20, 20, 20, 20, 20] })))
    machine.advance()
    expect(names.map((id) => machine.endOf(id))).toEqual([100, 200, 300, 400, 500, 600])
  })

  test('insurance that is due first goes behind urgent work, until it is made urgent', () => {
    const jobs = [
      job('worker failed', { urgency: 'insurance', dueMs: 1, segmentsMs: [20, 20] }),
      job('a', { dueMs: 1000, segmentsMs: [20, 20] }),
    ]
    const left = machineWith(jobs)
    left.advance()
    expect(left.ran.map(({ id }) => id)).toEqual(['a', 'a', 'worker failed', 'worker failed'])
    const revised = machineWith(jobs)
    revised.advance(10)
    revised.queue.revise('worker failed', { urgency: 'urgent', dueMs: 1 })
    revised.advance()
    expect(revised.ran.map(({ id }) => id)).toEqual(['a', 'worker failed', 'worker failed', 'a'])
  })

  test('background work begins only where nothing waits and nothing runs, on any host', () => {
    const profile = job('profile', { urgency: 'background', host: 'n', segmentsMs: [5, 5, 5] })
    const machine = machineWith(
      [profile, job('insurance', { urgency: 'insurance', dueMs: 1e6, segmentsMs: [20, 20] })],
      { maxRunning: 2 },
    )
    machine.advance(42)
    expect(machine.ran.map(({ id }) => id)).toEqual(['insurance', 'insurance'])
    machine.queue.add(job('head', { dueMs: 0 }))
    machine.advance()
    // One segment of it had begun; a segment on another host goes beside it, and the rest waits for that.
    expect(machine.ran.slice(2).map(({ id, beginMs }) => [id, beginMs])).toEqual([
      ['profile', 40],
      ['head', 42],
      ['profile', 62],
      ['profile', 67],
    ])
  })

  test('a cancelled job leaves at once where it waits, else at the end of its segment', () => {
    const machine = machineWith([job('a', { segmentsMs: [20, 20] }), job('b'), job('c')])
    machine.advance(10)
    expect(machine.queue.cancel('b')).toBe('dropped')
    expect(machine.queue.cancel('a')).toBe('running')
    expect(machine.queue.cancel('b')).toBe('unknown')
    expect(expectedRun(machine.queue.backlog(10), job('', { dueMs: -1 })).waitMs).toBe(10)
    expect(expectedRun(machine.queue.backlog(10), job('', { dueMs: 1 })).waitMs).toBe(30)
    expect(machine.queue.done('a', 20)).toBe('cancelled')
    expect(machine.queue.next(20)!.job.id).toBe('c')
    expect(machine.queue.size).toBe(1)
  })

  test('a stream that floods delays itself more than another', () => {
    const flood = Array.from({ length: 20 }, (_, i) => job(`f${i}`, { stream: 'flood', dueMs: i }))
    const machine = machineWith([...flood, job('one', { stream: 'calm', dueMs: 1000 })])
    machine.advance()
    // As much as the slack and the segment that exceeds it.
    expect(machine.endOf('one')).toBe(80)
  })

  test('what a stream has had while it was alone is not held against it', () => {
    const machine = machineWith([job('a', { stream: 'a', segmentsMs: [500] })])
    machine.advance()
    machine.queue.add(job('b', { stream: 'b', dueMs: 9, segmentsMs: [20] }))
    machine.queue.add(job('a', { stream: 'a', dueMs: 8, segmentsMs: [20] }))
    expect(machine.queue.next(500)!.job.id).toBe('a')
  })

  test('a stream that comes anew stands where the others stand, also as its insurance becomes urgent', () => {
    const both = ['a', 'b'].flatMap((stream) =>
      Array.from({ length: 10 }, (_, i) => job(`${stream}${i}`, { stream, dueMs: i })),
    )
    const machine = machineWith([...both, job('late', { stream: 'd', urgency: 'insurance' })])
    machine.advance(190)
    for (let i = 0; i < 4; i++) machine.queue.add(job(`c${i}`, { stream: 'c', dueMs: 100 }))
    machine.queue.revise('late', { urgency: 'urgent', dueMs: 200 })
    machine.advance()
    const places = ['c0', 'late'].map((id) => machine.ran.findIndex((run) => run.id === id))
    // Not at once, as if they had not been served while nothing of theirs was here.
    expect(Math.min(...places)).toBeGreaterThan(12)
    expect(machine.ran.length).toBe(25)
  })

  test('a stream that is ahead cannot leave it behind by going and coming again', () => {
    const machine = machineWith([
      job('flood', { stream: 'flood', dueMs: 0, segmentsMs: [100] }),
      ...['x', 'y', 'z'].map((id, i) => job(id, { stream: 'calm', dueMs: 10 + i })),
    ])
    machine.advance(100)
    machine.queue.add(job('again', { stream: 'flood', dueMs: 1 }))
    machine.advance()
    expect(machine.ran.map(({ id }) => id)).toEqual(['flood', 'x', 'y', 'z', 'again'])
  })

  test('what insurance has had is forgotten when none is left, also where it became urgent', () => {
    const { queue } = machineWith([job('a', { stream: 'a', urgency: 'insurance', segmentsMs: [100, 20] })])
    queue.next(0)
    queue.done('a', 100)
    queue.revise('a', { urgency: 'urgent', dueMs: 0 })
    queue.next(100)
    queue.done('a', 120)
    queue.add(job('b', { stream: 'b', urgency: 'insurance', dueMs: 2 }))
    queue.add(job('a', { stream: 'a', urgency: 'insurance', dueMs: 1 }))
    expect(queue.next(120)!.job.id).toBe('a')
  })

  test('background work does not begin while something waits for a host that is away', () => {
    const { queue } = machineWith([job('profile', { urgency: 'background' }), job('a', { host: 'away' })])
    expect(queue.next(0, (host) => host !== 'away')).toBeUndefined()
  })

  test('hosts compute beside one another, as many as may; what is not ready keeps its place', () => {
    const jobs = ['x', 'y', 'z'].map((host, i) => job(host, { host, dueMs: i }))
    const machine = machineWith([...jobs, job('x2', { host: 'x', dueMs: -1 })], { maxRunning: 2 })
    expect(machine.queue.next(0)!.job.id).toBe('x2')
    expect(machine.queue.next(0, (host) => host !== 'y')!.job.id).toBe('z')
    expect(machine.queue.next(0)).toBeUndefined()
    machine.queue.done('z', 20)
    expect(machine.queue.next(20)!.job.id).toBe('y')
    expect(machine.queue.isIdle('z')).toBe(true)
    expect(machine.queue.isIdle('x')).toBe(false)
  })

  test('refuses what cannot be predicted or told apart', () => {
    const { queue } = machineWith([job('a')])
    expect(() => queue.add(job('a'))).toThrow('Cannot queue: id must be new, current value is a')
    for (const segmentsMs of [[], [Number.NaN], [-1], [Number.POSITIVE_INFINITY]])
      expect(() => queue.add(job('b', { segmentsMs }))).toThrow('Cannot queue: segmentsMs must be')
    expect(() => queue.done('a', 0)).toThrow('id must be of a job that runs, current value is a')
  })
})
