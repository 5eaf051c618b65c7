/**
 * In which order the engines of one machine compute segments. A job is one or more segments of one model, computed one
 * after the other; it keeps its place while one of them runs, so that at every border between segments all that is
 * wanted is compared again:
 *
 * 1. urgent work before insurance (a local answer while a worker's is expected), both before background work, which
 *    begins only where nothing else is here and nothing runs, as it is there to be measured;
 * 2. of these the earliest due first, then who came first, among the streams that are not ahead: a stream whose jobs
 *    have had `slackMs` more than those of the one that has had least waits until the others have caught up, so that
 *    one that floods delays only itself (start-time fair queueing, Goyal et al., SIGCOMM 1996, as in the worker's
 *    queue). With one stream this is earliest due first, which meets all due times that can be met, but for the segment
 *    that runs (Jackson 1955).
 *
 * Each host computes one segment at a time, and `maxRunning` compute at once. No clock, no timer, no thread: a caller
 * steps it. O(jobs) a step.
 */
export type Urgency = (typeof urgencies)[number]

const urgencies = ['urgent', 'insurance', 'background'] as const

export interface RunJob {
  /** Unique among the jobs that are here. */
  readonly id: string
  /** The inference thread that has its segments. */
  readonly host: string
  /** On whose behalf: streams share the machine evenly where they compete. */
  readonly stream: string
  readonly urgency: Urgency
  readonly dueMs: number
  /** What each segment is expected to take; at least one. */
  readonly segmentsMs: readonly number[]
  /** Id of a job that leaves before this one begins, if it is here. */
  readonly after?: string | undefined
}

export interface RunQueueLimits {
  /** Segments computed at once, on as many hosts. */
  readonly maxRunning: number
  /** How far a stream may be ahead of another that waits. */
  readonly slackMs: number
}

export interface RunStep<Job> {
  readonly job: Job
  /** Index of the segment to compute. */
  readonly segment: number
}

/** A job as the queue sees it now. */
export interface PendingJob extends Omit<RunJob, 'segmentsMs'> {
  /** Of the segments that have not begun. */
  readonly leftMs: readonly number[]
  /** The segment that is computed now; it may be over its expected end. */
  readonly running: { readonly beganMs: number; readonly endMs: number } | undefined
}

/** What streams of one urgency have had. */
export interface Shares {
  readonly hadMs: ReadonlyMap<string, number>
  /** Of the stream that had least when last one was chosen: who comes anew begins there. */
  readonly floorMs: number
}

/** All that the future of a queue depends on, as plain data. */
export interface RunBacklog {
  readonly limits: RunQueueLimits
  readonly atMs: number
  /** In order of arrival. */
  readonly jobs: readonly PendingJob[]
  readonly shares: Readonly<Record<Urgency, Shares>>
}

interface Entry<Job> {
  readonly job: Job
  urgency: Urgency
  dueMs: number
  /** Index of the first segment that has not begun. */
  next: number
  running: { readonly beganMs: number; readonly endMs: number } | undefined
  isCancelled: boolean
}

interface Account {
  readonly hadMs: Map<string, number>
  floorMs: number
}

export class RunQueue<Job extends RunJob> {
  private readonly limits: RunQueueLimits
  /** In order of arrival. */
  private readonly entries = new Map<string, Entry<Job>>()
  private readonly busy = new Set<string>()
  private readonly accounts: Record<Urgency, Account>

  constructor(limits: RunQueueLimits) {
    this.limits = limits
    const empty = (): Account => ({ hadMs: new Map(), floorMs: 0 })
    this.accounts = { urgent: empty(), insurance: empty(), background: empty() }
  }

  /** A queue in the state of another's backlog, to be stepped on by itself. */
  static from({ limits, jobs, shares }: RunBacklog): RunQueue<RunJob> {
    const queue = new RunQueue<RunJob>(limits)
    for (const { leftMs, running, ...job } of jobs) {
      const begun = running === undefined ? [] : [running.endMs - running.beganMs]
      const { urgency, dueMs } = job
      queue.entries.set(job.id, {
        job: { ...job, segmentsMs: [...begun, ...leftMs] },
        urgency,
        dueMs,
        next: begun.length,
        running,
        isCancelled: false,
      })
      if (running !== undefined) queue.busy.add(job.host)
    }
    for (const urgency of urgencies) {
      const { hadMs, floorMs } = shares[urgency]
      queue.accounts[urgency] = { hadMs: new Map(hadMs), floorMs }
    }
    return queue
  }

  /** Jobs that wait or are computed. */
  get size(): number {
    return this.entries.size
  }

  /** True when nothing waits for this host and nothing is computed there. */
  isIdle(host: string): boolean {
    for (const { job } of this.entries.values()) if (job.host === host) return false
    return true
  }

  /** @throws {RangeError} for a job whose id is here, or without segments of finite length. */
  add(job: Job): void {
    if (this.entries.has(job.id))
      throw new RangeError(`Cannot queue: id must be new, current value is ${job.id}`)
    if (job.segmentsMs.length === 0 || !job.segmentsMs.every((ms) => ms >= 0 && Number.isFinite(ms)))
      throw new RangeError(
        `Cannot queue: segmentsMs must be one or more finite times, current value is [${job.segmentsMs.join(', ')}]`,
      )
    const { urgency, dueMs } = job
    this.entries.set(job.id, { job, urgency, dueMs, next: 0, running: undefined, isCancelled: false })
    this.join(urgency, job.stream)
  }

  /**
   * Begins the next segment there is to compute; undefined where none can begin. Ask until then, and call {@link done}
   * when it has been computed, however it ended.
   * @param isReady which hosts can compute now; the jobs of others keep their places.
   */
  next(nowMs: number, isReady: (host: string) => boolean = () => true): RunStep<Job> | undefined {
    if (this.busy.size >= this.limits.maxRunning) return undefined
    const ready = this.ready(isReady)
    const mayMeasure =
      this.busy.size === 0 && [...this.entries.values()].every(({ urgency }) => urgency === 'background')
    const entry =
      this.first('urgent', ready) ??
      this.first('insurance', ready) ??
      (mayMeasure ? this.first('background', ready) : undefined)
    return entry && this.start(entry, ready, nowMs)
  }

  /** Begins a job's next segment whosever turn it is; undefined where the job has left. */
  begin(id: string, nowMs: number): RunStep<Job> | undefined {
    const entry = this.entries.get(id)
    return entry && this.start(entry, this.ready(), nowMs)
  }

  /**
   * The running segment of a job has ended.
   * @returns what the job does now: it waits for its next segment, or has left, all computed or cancelled.
   */
  done(id: string, nowMs: number): 'waits' | 'ended' | 'cancelled' {
    const entry = this.entries.get(id)
    if (entry?.running === undefined)
      throw new RangeError(`Cannot end a segment: id must be of a job that runs, current value is ${id}`)
    const { hadMs } = this.accounts[entry.urgency]
    const { stream, host } = entry.job
    hadMs.set(stream, (hadMs.get(stream) ?? 0) + nowMs - entry.running.beganMs)
    entry.running = undefined
    this.busy.delete(host)
    if (!entry.isCancelled && entry.next < entry.job.segmentsMs.length) return 'waits'
    this.remove(entry)
    return entry.isCancelled ? 'cancelled' : 'ended'
  }

  /** Gives a job up: at once where it waits, at the end of its segment where one runs. */
  cancel(id: string): 'unknown' | 'dropped' | 'running' {
    const entry = this.entries.get(id)
    if (entry === undefined) return 'unknown'
    if (entry.running !== undefined) {
      entry.isCancelled = true
      return 'running'
    }
    this.remove(entry)
    return 'dropped'
  }

  /** From its next segment on a job is as urgent as this: insurance becomes urgent when the worker fails. */
  revise(id: string, { urgency, dueMs }: Pick<RunJob, 'urgency' | 'dueMs'>): void {
    const entry = this.entries.get(id)
    if (entry === undefined) return
    const { urgency: before } = entry
    entry.urgency = urgency
    entry.dueMs = dueMs
    this.join(urgency, entry.job.stream)
    if (before !== urgency) this.settle(before)
  }

  /** For the planner, and for {@link expectedRun}. */
  backlog(atMs: number): RunBacklog {
    const jobs = [...this.entries.values()].map(
      ({ job, urgency, dueMs, next, running, isCancelled }): PendingJob => ({
        id: job.id,
        host: job.host,
        stream: job.stream,
        after: job.after,
        urgency,
        dueMs,
        leftMs: isCancelled ? [] : job.segmentsMs.slice(next),
        running,
      }),
    )
    const share = ({ hadMs, floorMs }: Account): Shares => ({ hadMs: new Map(hadMs), floorMs })
    const { urgent, insurance, background } = this.accounts
    return {
      limits: this.limits,
      atMs,
      jobs,
      shares: { urgent: share(urgent), insurance: share(insurance), background: share(background) },
    }
  }

  /** What could begin now, on the hosts that are ready. */
  private ready(isReady: (host: string) => boolean = () => true): Entry<Job>[] {
    return [...this.entries.values()].filter(
      ({ job: { host, after }, running }) =>
        running === undefined &&
        !this.busy.has(host) &&
        isReady(host) &&
        (after === undefined || !this.entries.has(after)),
    )
  }

  /** Of one urgency the entry to go next. */
  private first(urgency: Urgency, ready: readonly Entry<Job>[]): Entry<Job> | undefined {
    const competing = ready.filter((entry) => entry.urgency === urgency)
    if (competing.length === 0) return undefined
    const mostMs = this.leastMs(competing) + this.limits.slackMs
    return competing
      .filter((entry) => this.hadMs(entry) <= mostMs)
      .reduce((first, other) => (other.dueMs < first.dueMs ? other : first))
  }

  private start(entry: Entry<Job>, ready: readonly Entry<Job>[], nowMs: number): RunStep<Job> {
    const { job, urgency } = entry
    const account = this.accounts[urgency]
    account.floorMs = Math.max(
      account.floorMs,
      this.leastMs([entry, ...ready.filter((other) => other.urgency === urgency)]),
    )
    const segment = entry.next++
    entry.running = { beganMs: nowMs, endMs: nowMs + job.segmentsMs[segment]! }
    this.busy.add(job.host)
    return { job, segment }
  }

  /** What an entry's stream has had among those of its urgency. */
  private hadMs({ urgency, job }: Entry<Job>): number {
    return this.accounts[urgency].hadMs.get(job.stream) ?? 0
  }

  private leastMs(entries: readonly Entry<Job>[]): number {
    return entries.reduce((least, entry) => Math.min(least, this.hadMs(entry)), Number.POSITIVE_INFINITY)
  }

  private join(urgency: Urgency, stream: string): void {
    const { hadMs, floorMs } = this.accounts[urgency]
    hadMs.set(stream, Math.max(floorMs, hadMs.get(stream) ?? 0))
  }

  private remove(entry: Entry<Job>): void {
    this.entries.delete(entry.job.id)
    this.settle(entry.urgency)
  }

  /** Forgets who neither competes nor is ahead; all, where nobody is left to be compared with. */
  private settle(urgency: Urgency): void {
    const account = this.accounts[urgency]
    const competing = new Set(
      [...this.entries.values()].filter((entry) => entry.urgency === urgency).map(({ job }) => job.stream),
    )
    for (const [stream, ms] of account.hadMs) {
      if (competing.size === 0 || (!competing.has(stream) && ms <= account.floorMs))
        account.hadMs.delete(stream)
    }
  }
}
