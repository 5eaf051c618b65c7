import { deferred } from '../async/deferred.ts'
import { RunCancelledError } from './inference-thread-link.ts'
import { type RunBacklog, type RunJob, RunQueue, type RunQueueLimits } from './run-queue.ts'

export interface DispatchedJob<Result> extends Omit<RunJob, 'id'> {
  /** Computes one segment after the other, each when it is its turn; a rejection ends the job. */
  readonly compute: (segment: number) => Promise<Result>
  readonly signal?: AbortSignal | undefined
  /** Told of the signal: what is computed now need not be ended. */
  readonly onAbort?: () => void
}

export interface Dispatched<Result> {
  /**
   * What each segment gave.
   * @throws {RunCancelledError} when the signal is aborted before; whatever `compute` throws.
   */
  readonly results: Promise<readonly Result[]>
  /** From its next segment on the job is as urgent as this. */
  readonly revise: (to: Pick<RunJob, 'urgency' | 'dueMs'>) => void
}

interface Task extends RunJob {
  readonly compute: (segment: number) => Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Steps a run queue as segments end, hosts come and go and jobs are given up. Several hosts may share one. */
export class RunDispatcher {
  private readonly queue: RunQueue<Task>
  private readonly now: () => number
  private readonly tasks = new Map<string, Task>()
  private readonly open = new Set<string>()
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
    if (signal?.aborted)
      return {
        results: Promise.reject(new RunCancelledError('Cancelled before it began')),
        revise: () => undefined,
      }
    const id = `${this.nextId++}`
    const results: Result[] = []
    const outcome = deferred<readonly Result[]>()
    const abort = () => {
      onAbort?.()
      if (this.queue.cancel(id) !== 'dropped') return
      task.reject(new RunCancelledError('Cancelled while it waited'))
      this.proceed()
    }
    const leave = () => {
      this.tasks.delete(id)
      signal?.removeEventListener('abort', abort)
    }
    const task: Task = {
      ...place,
      id,
      compute: async (segment) => void results.push(await compute(segment)),
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
  }

  /** Gives all up that waits for a host. */
  rejectWaiting(host: string, error: Error): void {
    for (const task of this.tasks.values()) {
      if (task.host === host && this.queue.cancel(task.id) === 'dropped') task.reject(error)
    }
    this.proceed()
  }

  private proceed(): void {
    const next = () => this.queue.next(this.now(), (host) => this.open.has(host))
    for (let step = next(); step !== undefined; step = next()) void this.carryOut(step.job, step.segment)
  }

  private async carryOut(task: Task, segment: number): Promise<void> {
    let fault: Error | undefined
    try {
      await task.compute(segment)
    } catch (error) {
      fault = error as Error
      this.queue.cancel(task.id)
    }
    const state = this.queue.done(task.id, this.now())
    this.proceed()
    // Last: who waits for the result finds the host idle where it is.
    if (fault !== undefined) task.reject(fault)
    else if (state === 'ended') task.resolve()
    else if (state === 'cancelled') task.reject(new RunCancelledError('Cancelled between two segments'))
  }
}
