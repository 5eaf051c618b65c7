import type { Segment } from '../model-graph/segment.ts'
import type { Claim } from './claim.ts'
import type { Precision } from './engine.ts'
import type { RunReply, RunRequest, ThreadNote, ThreadSetup } from './inference-protocol.ts'
import { type OpenThread, openThread, RunCancelledError } from './inference-thread-link.ts'
import { LastingThread, notRunning } from './lasting-thread.ts'
import { limitedCall } from './limited-call.ts'
import { RunDispatcher } from './run-dispatcher.ts'
import { expectedRun } from './run-forecast.ts'
import type { RunJob, Urgency } from './run-queue.ts'

export { InferenceThreadError, RunCancelledError } from './inference-thread-link.ts'

export interface InferenceHostOptions {
  /** Milliseconds. */
  readonly now?: () => number
  /** A run, or a segment of a job, that takes longer is cancelled. Counted from when the thread begins with it. */
  readonly runLimitMs?: number
  /** A thread that does not end a cancelled run, or a stop, for so long hangs: it is replaced. */
  readonly graceMs?: number
  /** Told of every thread that ended by itself or hung, and of every new one that could not start. */
  readonly onFault?: (error: Error) => void
  /** Told what the thread wants known. */
  readonly onNote?: (note: ThreadNote) => void
  /** Another thread than a real one: for tests and the simulator. */
  readonly open?: OpenThread
  /** For hosts that share the machine: their common dispatcher, and this one's name there. */
  readonly shared?: { readonly dispatcher: RunDispatcher; readonly name: string }
}

export interface RunOptions {
  /** When the result is wanted. Now by default. */
  readonly dueMs?: number
  /** `urgent` by default. */
  readonly urgency?: Urgency
  /** On whose behalf, where several share the host. */
  readonly stream?: string
  /** Not before that has ended; rejected where that is. */
  readonly after?: RunningJob | undefined
  /** What an undivided run is expected to take: the others' waits are told from it. 0 by default, for not known. */
  readonly expectedMs?: number
  readonly signal?: AbortSignal
}

export interface SegmentStep {
  /** Key of a loaded segment. */
  readonly segment: string
  /** Tensor ids that there are after it. */
  readonly output: readonly number[]
  /** What it will take: the profile's time, and how much slower the machine is now. */
  readonly expectedMs: number
}

/** A run that others may interrupt between its segments. `keep`, `encode` and `values` are of the last one's output. */
export interface JobRequest extends Omit<RunRequest, 'segments' | 'output'> {
  /** At least one. */
  readonly steps: readonly SegmentStep[]
}

export interface JobOptions extends Omit<RunOptions, 'expectedMs'> {
  /** Told what each segment took, as it ends. */
  readonly onSegment?: (index: number, ms: number) => void
}

/** `segmentMs` is of all segments, `decodeMs` of the first, what is encoded and handed back of the last. */
export interface HostReply extends RunReply {
  /** Waited for the thread: for other jobs, for what is compiled, for a thread that was away. */
  readonly queueMs: number
}

export interface RunningJob {
  /** Unique among those of its dispatcher. */
  readonly id: string
  /**
   * @throws {RunCancelledError} when `signal` is aborted before the result is there.
   * @throws {InferenceThreadError} when a segment takes too long, its thread ends, or no new thread can be started.
   */
  readonly reply: Promise<HostReply>
  /** From its next segment on the job is as urgent as this. */
  readonly revise: (to: Pick<RunJob, 'urgency' | 'dueMs'>) => void
}

/** One segment computes at a time; a stream may be two slow segments of a small machine ahead of another. */
const ownLimits = { maxRunning: 1, slackMs: 100 }

/**
 * The host's side of the inference thread. What waits is ordered by the run queue, anew at each border between the
 * segments of a job; what is given as one run is not divided. The thread has what follows while it computes. A thread that
 * crashes or hangs is replaced by a new one with the same segments: what it was doing is rejected, what waits goes on,
 * unless the new one cannot start. What was kept in the old one is gone.
 */
export class InferenceHost {
  private readonly now: () => number
  private readonly limit: { readonly ms: number; readonly graceMs: number; readonly what: string }
  private readonly dispatcher: RunDispatcher
  private readonly name: string
  private readonly thread: LastingThread
  /** Requests of which the thread may keep tensors. */
  private readonly kept = new Set<string>()

  constructor(setup: ThreadSetup, options: InferenceHostOptions = {}) {
    const graceMs = options.graceMs ?? 5000
    this.now = options.now ?? (() => performance.now())
    this.limit = { ms: options.runLimitMs ?? 60_000, graceMs, what: 'A run' }
    this.name = options.shared?.name ?? 'only'
    this.dispatcher = options.shared?.dispatcher ?? new RunDispatcher(ownLimits, this.now)
    this.thread = new LastingThread(setup, {
      now: this.now,
      graceMs,
      open: options.open ?? openThread,
      onNote: (note) => options.onNote?.(note),
      onFault: (error) => options.onFault?.(error),
      onServing: () => this.dispatcher.opened(this.name),
      onLost: () => {
        this.dispatcher.closed(this.name)
        this.kept.clear()
      },
      onUnavailable: (error) => this.dispatcher.rejectWaiting(this.name, error),
    })
  }

  /** Hash of the model that the thread has loaded. */
  get modelHash(): string {
    return this.thread.modelHash
  }

  /** Threads that took another's place. */
  get restarts(): number {
    return this.thread.restarts
  }

  /** True when nothing runs and nothing waits. */
  get idle(): boolean {
    return this.dispatcher.isIdle(this.name)
  }

  /** What urgent work that is due then (now by default) would wait here, if every segment takes as long as expected. */
  waitMs(dueMs = this.now()): number {
    const newcomer = { host: this.name, stream: '', urgency: 'urgent', dueMs, segmentsMs: [0] } as const
    return expectedRun(this.dispatcher.backlog, newcomer).waitMs
  }

  /** Loads model and engine in a new thread. @throws whatever stopped it from loading. */
  async start(): Promise<void> {
    await this.thread.start()
  }

  async stop(): Promise<void> {
    this.dispatcher.closed(this.name)
    const stopped = this.thread.stop()
    this.dispatcher.rejectWaiting(this.name, new RunCancelledError('The inference thread is stopped'))
    this.kept.clear()
    await stopped
  }

  /** Compiles a segment under a key; a segment already under that key is replaced. */
  async load(key: string, segment: Segment, precision: Precision = 'float32'): Promise<void> {
    await this.thread.load(key, { segment, precision })
  }

  async unload(key: string): Promise<void> {
    await this.thread.unload(key)
  }

  /** Forgets the tensors kept for a request; costs nothing where none are. */
  drop(request: string): void {
    if (!this.kept.delete(request)) return
    this.thread.serving?.call({ kind: 'drop', request }).catch(() => undefined)
  }

  /**
   * A run in one piece.
   * @throws as {@link RunningJob.reply} does.
   */
  run(request: RunRequest, options?: RunOptions): Promise<HostReply> {
    return this.enqueue(request, options).reply
  }

  /** {@link run}, for who wants something done after it. */
  enqueue(request: RunRequest, options: RunOptions = {}): RunningJob {
    return this.submit([request], [options.expectedMs ?? 0], options)
  }

  /**
   * Segments one after the other, between which what is due before goes first, unless they are over in no time. Keeps
   * nothing where it fails.
   */
  runJob({ steps, input, keep, encode, values, request }: JobRequest, options: JobOptions = {}): RunningJob {
    const pieces = inPieces(steps)
    const last = pieces.length - 1
    const runs = pieces.map((piece, i): RunRequest => {
      const crossing = { keep: true, values: false }
      const result = { keep, values, ...(encode !== undefined && { encode }) }
      return {
        request,
        segments: piece.map(({ segment }) => segment),
        input: i === 0 ? input : { kind: 'kept' },
        output: piece.at(-1)!.output,
        ...(i === last ? result : crossing),
      }
    })
    const job = this.submit(runs, pieces.map(expectedOf), options)
    const cleanUp = (hasFailed: boolean) => {
      if (hasFailed || !keep) this.drop(request)
    }
    job.reply.then(
      () => cleanUp(false),
      () => cleanUp(true),
    )
    return job
  }

  private submit(
    runs: readonly RunRequest[],
    segmentsMs: readonly number[],
    { dueMs = this.now(), urgency = 'urgent', stream = '', after, signal, onSegment }: JobOptions,
  ): RunningJob {
    if (this.thread.isStopped) return { id: '', reply: Promise.reject(notRunning()), revise: () => undefined }
    const cancel = new Int32Array(new SharedArrayBuffer(4))
    let waitsSinceMs = this.now()
    let queueMs = 0
    let segment = 0
    const compute = async (index: number, claim: Claim): Promise<RunReply> => {
      const { reply, beganMs } = await this.compute(runs[index]!, cancel, claim)
      // What was given ahead began before the one before was heard of here.
      queueMs += Math.max(0, beganMs - waitsSinceMs)
      waitsSinceMs = this.now()
      for (const ms of reply.segmentMs) onSegment?.(segment++, ms)
      return reply
    }
    const { id, results, revise } = this.dispatcher.submit({
      host: this.name,
      stream,
      after: after?.id,
      urgency,
      dueMs,
      segmentsMs,
      compute,
      signal,
      onAbort: () => cancelRun(cancel),
    })
    return { id, reply: results.then((replies) => ({ ...joined(replies), queueMs })), revise }
  }

  private async compute(
    run: RunRequest,
    cancel: Int32Array<SharedArrayBuffer>,
    claim: Claim,
  ): Promise<{ reply: RunReply; beganMs: number }> {
    if (run.keep) this.kept.add(run.request)
    const limit = { ...this.limit, cancel: () => cancelRun(cancel) }
    const { reply, beganMs } = await limitedCall(
      this.thread.serving!,
      { kind: 'run', run, cancel, claim },
      limit,
      this.now,
    )
    this.thread.hasServed()
    return { reply: reply!, beganMs }
  }
}

/**
 * What others wait for at most where they might have gone between. Giving the thread one more segment and hearing of it
 * takes both sides 0.1 to 0.3 ms, as long as a small model's segment.
 */
const pieceMs = 2

/** Steps in a row that together are over in no time are one piece. */
function inPieces(steps: readonly SegmentStep[]): SegmentStep[][] {
  const pieces: SegmentStep[][] = []
  for (const step of steps) {
    const piece = pieces.at(-1)
    if (piece !== undefined && expectedOf([...piece, step]) <= pieceMs) piece.push(step)
    else pieces.push([step])
  }
  return pieces
}

function expectedOf(steps: readonly SegmentStep[]): number {
  return steps.reduce((sum, { expectedMs }) => sum + expectedMs, 0)
}

/** One reply of the segments' replies; at least one. */
function joined(replies: readonly RunReply[]): RunReply {
  return {
    ...replies.at(-1)!,
    decodeMs: replies[0]!.decodeMs,
    segmentMs: replies.flatMap(({ segmentMs }) => segmentMs),
  }
}

function cancelRun(cancel: Int32Array<SharedArrayBuffer>): void {
  Atomics.store(cancel, 0, 1)
  Atomics.notify(cancel, 0)
}
