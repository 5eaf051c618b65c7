import { deferred } from '../async/deferred.ts'
import { type Claim, newClaim, take } from './claim.ts'
import { RunCancelledError } from './inference-thread-link.ts'
import { expectedNext } from './run-forecast.ts'
import { type RunBacklog, type RunJob, RunQueue, type RunQueueLimits } from './run-queue.ts'

export interface DispatchedJob<Result> extends Omit<RunJob, 'id'> {
  /**
   * Has a segment computed; a rejection ends the job. Called while the host still computes the one before, too: the host
   * begins with segments in the order of these calls, and with each only where it can {@link take} its claim.
   */
  readonly compute: (segment: number, claim: Claim) => Promise<Result>
  readonly signal?: AbortSignal | undefined
  /** Told of the signal: what is computed now need not be ended. */
  readonly onAbort?: () => void
}

export interface Dispatched<Result> {
  /** For {@link RunJob.after}. */
  readonly id: string
  /**
   * What each segment gave.
   * @throws {RunCancelledError} when the signal is aborted before; whatever `compute` throws, also that of the job after
   * which this one was to begin.
   */
  readonly results: Promise<readonly Result[]>
  /** From its next segment on the job is as urgent as this. */
  readonly revise: (to: Pick<RunJob, 'urgency' | 'dueMs'>) => void
}

interface Task extends RunJob {
  readonly compute: (segment: number, claim: Claim) => Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** A segment that a host was given while it computes the one before. */
interface Ahead {
  readonly task: Task
  readonly claim: Claim
  readonly outcome: Promise<void>
}

/**
 * Steps a run queue as segments end, hosts come and go and jobs are given up. Several hosts may share one. A host that
 * computes is given what follows ahead, so that it need not wait to be told, and has that taken back as soon as something
 * else is to follow.
 */
export class RunDispatcher {
  private readonly queue: RunQueue<Task>
  private readonly now: () => number
  private readonly tasks = new Map<string, Task>()
  private readonly open = new Set<string>()
  /** By host. */
  private readonly ahead = new Map<string, Ahead>()
  private nextId = 0

  constructor(limits: RunQueueLimits, now: () => number) {
    this.queue = new RunQueue(limits)
    this.now = now
  }

  /** For `expectedRun`. */
  get backlog(): RunBacklog {
    return this.queue.backlog(this.now())
  }

  /** True when nothing waits for this host and nothing is computed there. */
  isIdle(host: string): boolean {
    return this.queue.isIdle(host)
  }

  submit<Result>(job: DispatchedJob<Result>): Dispatched<Result> {
    const { signal, compute, onAbort, ...place } = job
    const id = `${this.nextId++}`
    if (signal?.aborted)
      return {
        id,
        results: Promise.reject(new RunCancelledError('Cancelled before it began')),
        revise: () => undefined,
      }
    const results: Result[] = []
    const outcome = deferred<readonly Result[]>()
    const abort = () => {
      onAbort?.()
      this.giveUp(task, new RunCancelledError('Cancelled while it waited'))
      this.proceed()
    }
    const leave = () => {
      this.tasks.delete(id)
      signal?.removeEventListener('abort', abort)
    }
    const task: Task = {
      ...place,
      id,
      compute: async (segment, claim) => void results.push(await compute(segment, claim)),
      resolve: () => {
        leave()
        outcome.resolve(results)
      },
      reject: (error) => {
        leave()
        outcome.reject(error)
      },
    }
    this.queue.add(task)
    this.tasks.set(id, task)
    signal?.addEventListener('abort', abort, { once: true })
    this.proceed()
    return {
      id,
      results: outcome.promise,
      revise: (to) => {
        this.queue.revise(id, to)
        this.proceed()
      },
    }
  }

  /** The host can compute. */
  opened(host: string): void {
    this.open.add(host)
    this.proceed()
  }

  /** The host can compute no more until it is opened again; what waits for it waits on. */
  closed(host: string): void {
    this.open.delete(host)
    this.takeBack(host)
  }

  /** Gives all up that waits for a host. */
  rejectWaiting(host: string, error: Error): void {
    for (const task of this.tasks.values()) if (task.host === host) this.giveUp(task, error)
    this.proceed()
  }

  /** Rejects a job where it waits, and lets it end with its segment where one runs; what was to go after it never begins. */
  private giveUp(task: Task, error: Error): void {
    if (this.queue.cancel(task.id) === 'dropped') task.reject(error)
    for (const other of this.tasks.values()) if (other.after === task.id) this.giveUp(other, error)
  }

  private proceed(): void {
    const next = () => this.queue.next(this.now(), this.isOpen)
    for (let step = next(); step !== undefined; step = next())
      void this.carryOut(step.job, step.job.compute(step.segment, newClaim()))
    for (const host of this.open) this.giveAhead(host)
  }

  private readonly isOpen = (host: string): boolean => this.open.has(host)

  private giveAhead(host: string): void {
    const next = expectedNext(this.backlog, host, this.isOpen)
    if (this.ahead.get(host)?.task.id === next?.id) return
    if (!this.takeBack(host) || next === undefined) return
    const task = this.tasks.get(next.id)!
    const claim = newClaim()
    const outcome = task.compute(task.segmentsMs.length - next.leftMs.length, claim)
    // It is waited for once it is its turn.
    outcome.catch(() => undefined)
    this.ahead.set(host, { task, claim, outcome })
  }

  /** @returns false where the host has begun with it. */
  private takeBack(host: string): boolean {
    const given = this.ahead.get(host)
    if (given !== undefined && !take(given.claim)) return false
    this.ahead.delete(host)
    return true
  }

  /** What the host was given ahead is what it computes from here on, unless its job has left meanwhile. */
  private beginAhead(host: string): void {
    const given = this.ahead.get(host)
    if (given === undefined) return
    this.ahead.delete(host)
    if (this.queue.begin(given.task.id, this.now()) === undefined) take(given.claim)
    else void this.carryOut(given.task, given.outcome)
  }

  private async carryOut(task: Task, outcome: Promise<void>): Promise<void> {
    let fault: Error | undefined
    try {
      await outcome
    } catch (error) {
      fault = error as Error
      this.giveUp(task, fault)
    }
    const state = this.queue.done(task.id, this.now())
    this.beginAhead(task.host)
    this.proceed()
    // Last: who waits for the result finds the host idle where it is.
    if (fault !== undefined) task.reject(fault)
    else if (state === 'ended') task.resolve()
    else if (state === 'cancelled') task.reject(new RunCancelledError('Cancelled between two segments'))
  }
}
