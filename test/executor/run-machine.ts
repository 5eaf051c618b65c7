import * as fc from 'fast-check'
import { type RunJob, RunQueue, type Urgency } from '../../src/executor/run-queue.ts'

export const limits = { maxRunning: 1, slackMs: 40 }

export function job(id: string, fields: Partial<RunJob> = {}): RunJob {
  return { id, host: 'm', stream: '', urgency: 'urgent', dueMs: 0, segmentsMs: [20], ...fields }
}

export interface Ran {
  readonly id: string
  readonly segment: number
  readonly beginMs: number
  readonly endMs: number
}

/** A machine in virtual time on which every segment takes as long as expected. */
export class Machine {
  readonly ran: Ran[] = []
  private readonly running = new Map<string, Ran>()
  readonly queue: RunQueue<RunJob>
  nowMs: number

  constructor(queue: RunQueue<RunJob>, nowMs = 0) {
    this.queue = queue
    this.nowMs = nowMs
  }

  get computing(): ReadonlyMap<string, Ran> {
    return this.running
  }

  begin(): void {
    for (let step = this.queue.next(this.nowMs); step !== undefined; step = this.queue.next(this.nowMs)) {
      const { id, segmentsMs } = step.job
      const endMs = this.nowMs + segmentsMs[step.segment]!
      this.running.set(id, { id, segment: step.segment, beginMs: this.nowMs, endMs })
    }
  }

  /** Steps on until nothing is left to do, or until a time. */
  advance(untilMs = Number.POSITIVE_INFINITY): void {
    for (this.begin(); this.running.size > 0; this.begin()) {
      const nextMs = Math.min(...[...this.running.values()].map(({ endMs }) => endMs))
      if (nextMs > untilMs) break
      this.nowMs = nextMs
      for (const run of this.running.values()) {
        if (run.endMs > nextMs) continue
        this.running.delete(run.id)
        this.ran.push(run)
        this.queue.done(run.id, nextMs)
      }
    }
    if (Number.isFinite(untilMs)) this.nowMs = untilMs
  }

  endOf(id: string): number {
    return this.ran.findLast((run) => run.id === id)!.endMs
  }
}

export function machineWith(jobs: readonly RunJob[], changed: Partial<typeof limits> = {}): Machine {
  const machine = new Machine(new RunQueue({ ...limits, ...changed }))
  for (const each of jobs) machine.queue.add(each)
  return machine
}

export const anyJob = fc.record({
  host: fc.constantFrom('m', 'n', 'o'),
  stream: fc.constantFrom('a', 'b', 'c'),
  urgency: fc.constantFrom<Urgency>('urgent', 'insurance', 'background'),
  dueMs: fc.integer({ min: 0, max: 300 }),
  segmentsMs: fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 5 }),
})

export const events = (each: fc.Arbitrary<Omit<RunJob, 'id'>>) =>
  fc.array(
    fc.oneof(
      { weight: 5, arbitrary: each.map((added) => ({ kind: 'add' as const, added })) },
      { weight: 4, arbitrary: fc.integer({ min: 1, max: 60 }).map((ms) => ({ kind: 'pass' as const, ms })) },
      { weight: 1, arbitrary: fc.nat(30).map((nth) => ({ kind: 'cancel' as const, nth })) },
      { weight: 1, arbitrary: fc.nat(30).map((nth) => ({ kind: 'hurry' as const, nth })) },
    ),
    { maxLength: 50 },
  )
export type Event = ReturnType<typeof events> extends fc.Arbitrary<readonly (infer E)[]> ? E : never

/** Plays events on a machine; every job that was added, and those that were given up. */
export function play(
  machine: Machine,
  played: readonly Event[],
  after: () => void = () => undefined,
): { jobs: RunJob[]; gone: Set<string> } {
  const jobs: RunJob[] = []
  const gone = new Set<string>()
  for (const event of played) {
    if (event.kind === 'pass') machine.advance(machine.nowMs + event.ms)
    else if (event.kind === 'add') {
      const added = { ...event.added, id: `${jobs.length}` }
      jobs.push(added)
      machine.queue.add(added)
    } else if (event.kind === 'cancel') {
      const id = `${event.nth}`
      if (machine.queue.cancel(id) !== 'unknown') gone.add(id)
    } else machine.queue.revise(`${event.nth}`, { urgency: 'urgent', dueMs: 0 })
    after()
  }
  return { jobs, gone }
}

export const manyLimits = fc.record({ maxRunning: fc.integer({ min: 1, max: 3 }), slackMs: fc.nat(60) })
