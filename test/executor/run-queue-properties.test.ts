import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RunQueue, type Urgency } from '../../src/executor/run-queue.ts'
import { anyJob, type Event, events, limits, Machine, manyLimits, play } from './run-machine.ts'

const runs = { numRuns: 1000 }
const oneStream = anyJob.map((each) => ({ ...each, stream: '', host: 'm' }))
const rank: Record<Urgency, number> = { urgent: 0, insurance: 1, background: 2 }

describe('RunQueue, any jobs', () => {
  test('computes every segment of every job once and in order, but for what is given up', () => {
    const property = fc.property(manyLimits, events(anyJob), (some, played) => {
      const machine = new Machine(new RunQueue(some))
      const { jobs, gone } = play(machine, played)
      machine.advance()
      for (const { id, segmentsMs } of jobs) {
        const own = machine.ran.filter((run) => run.id === id)
        const wanted = gone.has(id) ? segmentsMs.slice(0, own.length) : segmentsMs
        expect(own.map(({ segment }) => segment)).toEqual(wanted.map((_, i) => i))
        const times = own.flatMap(({ beginMs, endMs }) => [beginMs, endMs])
        expect(times).toEqual(times.toSorted((a, b) => a - b))
      }
      expect(machine.queue.size).toBe(0)
    })
    fc.assert(property, runs)
  })

  test('never computes two segments on a host, nor more than may, nor leaves one undone that might be', () => {
    const property = fc.property(manyLimits, events(anyJob), (some, played) => {
      const machine = new Machine(new RunQueue(some))
      const faults: string[] = []
      play(machine, played, () => faults.push(...faultsOf(machine, some.maxRunning)))
      expect(faults).toEqual([])
    })
    fc.assert(property, runs)
  })

  test('with one stream and one host the order is that of a sorted list, asked anew at each border', () => {
    const property = fc.property(events(oneStream), (played) => {
      const machine = new Machine(new RunQueue(limits))
      play(machine, played)
      machine.advance()
      expect(machine.ran.map(({ id, segment, beginMs }) => [id, segment, beginMs])).toEqual(
        sortedList(played),
      )
    })
    fc.assert(property, runs)
  })

  test('whoever waits is not overtaken by more than the slack and one segment of each stream', () => {
    const property = fc.property(
      fc.nat(60),
      fc.array(anyJob, { maxLength: 30 }),
      anyJob,
      (slackMs, others, own) => {
        const machine = new Machine(new RunQueue({ maxRunning: 1, slackMs }))
        for (const [i, other] of others.entries())
          machine.queue.add({ ...other, id: `${i}`, host: 'm', urgency: 'urgent' })
        machine.queue.add({ ...own, id: 'own', host: 'm', stream: 'own', urgency: 'urgent', dueMs: 1e6 })
        machine.advance()
        const ownMs = own.segmentsMs.reduce((sum, ms) => sum + ms, 0)
        for (const stream of ['a', 'b', 'c']) {
          const ids = new Set(others.flatMap((other, i) => (other.stream === stream ? [`${i}`] : [])))
          const before = machine.ran
            .slice(
              0,
              machine.ran.findLastIndex(({ id }) => id === 'own'),
            )
            .filter(({ id }) => ids.has(id))
            .reduce((sum, { beginMs, endMs }) => sum + endMs - beginMs, 0)
          expect(before).toBeLessThanOrEqual(ownMs + slackMs + 30)
        }
      },
    )
    fc.assert(property, runs)
  })
})

/** Where something that may be computed waits, or something is computed that may not be. */
function faultsOf(machine: Machine, maxRunning: number): string[] {
  machine.begin()
  const { jobs } = machine.queue.backlog(machine.nowMs)
  const running = jobs.filter((each) => each.running !== undefined)
  const hosts = new Set(running.map(({ host }) => host))
  const free = jobs.filter((each) => each.running === undefined && !hosts.has(each.host))
  const foreground = free.filter(({ urgency }) => urgency !== 'background')
  const faults: [is: boolean, fault: string][] = [
    [hosts.size < running.length, 'two on one host'],
    [running.length > maxRunning, 'too many at once'],
    [running.some(({ id }) => !machine.computing.has(id)), 'runs only in the books'],
    [running.length !== machine.computing.size, 'runs outside of the books'],
    [running.length < maxRunning && foreground.length > 0, 'one waits that might run'],
    [running.length === 0 && free.length > 0, 'nothing runs'],
  ]
  return faults.flatMap(([is, fault]) => (is ? [fault] : []))
}

/** The slow reference: a list sorted at each border. */
function sortedList(played: readonly Event[]): [id: string, segment: number, beginMs: number][] {
  const jobs: {
    id: number
    urgency: Urgency
    dueMs: number
    left: number[]
    next: number
    isOver: boolean
  }[] = []
  const ran: [string, number, number][] = []
  let current: { job: (typeof jobs)[number]; segment: number; beginMs: number; endMs: number } | undefined
  let nowMs = 0
  const begin = () => {
    if (current !== undefined) return
    const waiting = jobs.filter(({ isOver, left }) => !isOver && left.length > 0)
    const [next] = waiting.toSorted(
      (a, b) => rank[a.urgency] - rank[b.urgency] || a.dueMs - b.dueMs || a.id - b.id,
    )
    if (next === undefined) return
    current = { job: next, segment: next.next++, beginMs: nowMs, endMs: nowMs + next.left.shift()! }
  }
  const pass = (untilMs: number) => {
    for (begin(); current !== undefined && current.endMs <= untilMs; begin()) {
      nowMs = current.endMs
      ran.push([`${current.job.id}`, current.segment, current.beginMs])
      current = undefined
    }
    if (Number.isFinite(untilMs)) nowMs = untilMs
  }
  for (const event of played) {
    if (event.kind === 'pass') pass(nowMs + event.ms)
    else if (event.kind === 'add') {
      const { urgency, dueMs, segmentsMs } = event.added
      jobs.push({ id: jobs.length, urgency, dueMs, left: [...segmentsMs], next: 0, isOver: false })
    } else {
      const job = jobs[event.nth]
      if (job === undefined) continue
      if (event.kind === 'cancel') job.isOver = true
      else Object.assign(job, { urgency: 'urgent', dueMs: 0 })
    }
  }
  pass(Number.POSITIVE_INFINITY)
  return ran
}
