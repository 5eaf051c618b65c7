import { type Deferred, deferred } from '../async/deferred.ts'
import type { Segment } from '../model-graph/segment.ts'
import type { RunReply, RunRequest, ThreadNote, ThreadSetup } from './inference-protocol.ts'
import {
  InferenceThreadError,
  openThread,
  RunCancelledError,
  type ThreadLink,
} from './inference-thread-link.ts'

export { InferenceThreadError, RunCancelledError } from './inference-thread-link.ts'

export interface InferenceHostOptions {
  /** Milliseconds. */
  readonly now?: () => number
  /** A run that takes longer is cancelled. */
  readonly runLimitMs?: number
  /** A thread that does not end a cancelled run, or a stop, for so long hangs: it is replaced. */
  readonly graceMs?: number
  /** Told of every thread that ended by itself or hung, and of every new one that could not start. */
  readonly onFault?: (error: Error) => void
  /** Told what the thread wants known. */
  readonly onNote?: (note: ThreadNote) => void
  /** Another thread entry, for tests. */
  readonly entry?: URL
}

interface Queued {
  readonly dueMs: number
  readonly begin: (link: ThreadLink) => void
  readonly reject: (error: Error) => void
}

type State =
  | { readonly kind: 'stopped' }
  /** A first or a new thread loads, or is waited for; `back` settles with it. */
  | { readonly kind: 'away'; readonly back: Deferred<ThreadLink>; timer?: NodeJS.Timeout }
  | { readonly kind: 'serving'; readonly link: ThreadLink }

/** Wait before a new thread is started: doubled with every failure since the last run that ended well. */
const firstRestartMs = 50
const longestRestartMs = 30_000

/** Compiling a large segment on a small machine takes minutes, not more. */
const loadLimitMs = 300_000

/**
 * The host's side of the inference thread. Runs are started one at a time, earliest `dueMs` first, so that a new
 * request's head goes before a local tail that is only insurance. A thread that crashes or hangs is replaced by a new
 * one with the same segments: what it was doing is rejected, what waits goes on, unless the new one cannot start.
 */
export class InferenceHost {
  private readonly setup: ThreadSetup
  private readonly options: InferenceHostOptions
  private readonly now: () => number
  private readonly runLimitMs: number
  private readonly graceMs: number
  /** What a new thread has to be given. */
  private readonly segments = new Map<string, Segment>()
  private state: State = { kind: 'stopped' }
  private queue: Queued[] = []
  private running = false
  private failures = 0
  private hash = ''
  /** Threads that took another's place. */
  restarts = 0

  constructor(setup: ThreadSetup, options: InferenceHostOptions = {}) {
    this.setup = setup
    this.options = options
    this.now = options.now ?? (() => performance.now())
    this.runLimitMs = options.runLimitMs ?? 60_000
    this.graceMs = options.graceMs ?? 5000
  }

  /** Hash of the model that the thread has loaded. */
  get modelHash(): string {
    return this.hash
  }

  /** True when nothing runs and nothing waits. */
  get idle(): boolean {
    return !this.running && this.queue.length === 0
  }

  /** Loads model and engine in a new thread. @throws whatever stopped it from loading. */
  async start(): Promise<void> {
    if (this.state.kind !== 'stopped') return
    const away: State = { kind: 'away', back: outage() }
    this.state = away
    try {
      const link = await this.open()
      this.hash = link.modelHash
      this.serve(away, link)
    } catch (error) {
      away.back.reject(error as Error)
      this.state = { kind: 'stopped' }
      throw error
    }
  }

  async stop(): Promise<void> {
    const { state } = this
    this.state = { kind: 'stopped' }
    this.segments.clear()
    const stopped = new RunCancelledError('The inference thread is stopped')
    this.rejectQueue(stopped)
    if (state.kind === 'serving') await state.link.close(this.graceMs)
    if (state.kind !== 'away') return
    clearTimeout(state.timer)
    state.back.reject(stopped)
  }

  /** Compiles a segment under a key; a segment already under that key is replaced. */
  async load(key: string, segment: Segment): Promise<void> {
    await this.loadInto(await this.link(), key, segment)
    // Only what could be compiled: a segment that kills its thread is not tried again and again.
    this.segments.set(key, segment)
  }

  async unload(key: string): Promise<void> {
    this.segments.delete(key)
    await (await this.link()).call({ kind: 'unload', key })
  }

  /** Forgets the tensors kept for a request. */
  drop(request: string): void {
    if (this.state.kind !== 'serving') return
    this.state.link.call({ kind: 'drop', request }).catch(() => undefined)
  }

  /**
   * @param options.dueMs when the result is wanted: of the runs that wait, the earliest goes first. Now by default.
   * @throws {RunCancelledError} when `signal` is aborted before the result is there.
   * @throws {InferenceThreadError} when the run takes too long, its thread ends, or no new thread can be started.
   */
  run(request: RunRequest, options: { dueMs?: number; signal?: AbortSignal } = {}): Promise<RunReply> {
    const { signal, dueMs = this.now() } = options
    return new Promise<RunReply>((resolve, reject) => {
      if (signal?.aborted) return reject(new RunCancelledError('Cancelled before it began'))
      if (this.state.kind === 'stopped')
        return reject(new Error('Cannot use the inference thread: it is not running'))
      const cancel = new Int32Array(new SharedArrayBuffer(4))
      const onAbort = () => {
        cancelRun(cancel)
        const waiting = this.queue.indexOf(queued)
        if (waiting < 0) return
        this.queue.splice(waiting, 1)
        reject(new RunCancelledError('Cancelled while it waited'))
      }
      const begin = (link: ThreadLink) => {
        this.running = true
        this.limited(link, request, cancel)
          .finally(() => {
            signal?.removeEventListener('abort', onAbort)
            this.running = false
            this.beginNext()
          })
          // Last: who waits for the result finds the thread idle where it is.
          .then(resolve, reject)
      }
      const queued: Queued = { dueMs, begin, reject }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.queue.push(queued)
      this.beginNext()
    })
  }

  private beginNext(): void {
    if (this.running || this.state.kind !== 'serving') return
    const next = this.queue.reduce<Queued | undefined>(
      (first, other) => (first === undefined || other.dueMs < first.dueMs ? other : first),
      undefined,
    )
    if (next === undefined) return
    this.queue.splice(this.queue.indexOf(next), 1)
    next.begin(this.state.link)
  }

  /** A run that ends in time, one way or another. */
  private async limited(
    link: ThreadLink,
    run: RunRequest,
    cancel: Int32Array<SharedArrayBuffer>,
  ): Promise<RunReply> {
    const tooLong = new InferenceThreadError(`A run took longer than ${this.runLimitMs} ms`)
    let late = false
    let timer = setTimeout(() => {
      late = true
      cancelRun(cancel)
      timer = setTimeout(() => link.abandon(tooLong), this.graceMs)
    }, this.runLimitMs)
    try {
      const reply = await link.call({ kind: 'run', run, cancel })
      this.failures = 0
      return reply!
    } catch (error) {
      throw late && error instanceof RunCancelledError ? tooLong : error
    } finally {
      clearTimeout(timer)
    }
  }

  private async loadInto(link: ThreadLink, key: string, segment: Segment): Promise<void> {
    const timer = setTimeout(
      () => link.abandon(new InferenceThreadError(`Compiling ${key} took longer than ${loadLimitMs} ms`)),
      loadLimitMs,
    )
    try {
      await link.call({ kind: 'load', key, segment })
    } finally {
      clearTimeout(timer)
    }
  }

  private async link(): Promise<ThreadLink> {
    const { state } = this
    switch (state.kind) {
      case 'serving':
        return state.link
      case 'away':
        return state.back.promise
      case 'stopped':
        throw new Error('Cannot use the inference thread: it is not running')
    }
  }

  private async open(): Promise<ThreadLink> {
    const link: ThreadLink = await openThread(
      this.setup,
      (error) => this.onEnd(link, error),
      (note) => this.options.onNote?.(note),
      this.options.entry,
    )
    return link
  }

  private serve(away: State, link: ThreadLink): void {
    if (this.state !== away || away.kind !== 'away') {
      void link.close(this.graceMs)
      return
    }
    this.state = { kind: 'serving', link }
    away.back.resolve(link)
    this.beginNext()
  }

  private onEnd(link: ThreadLink, error: Error): void {
    // A thread that ends while it is being prepared is restart's to deal with.
    if (this.state.kind !== 'serving' || this.state.link !== link) return
    this.options.onFault?.(error)
    this.restartLater()
  }

  private restartLater(): void {
    const waitMs = Math.min(longestRestartMs, firstRestartMs * 2 ** this.failures)
    this.failures++
    const away: State = { kind: 'away', back: outage() }
    away.timer = setTimeout(() => void this.restart(away), waitMs)
    this.state = away
  }

  private async restart(away: Extract<State, { kind: 'away' }>): Promise<void> {
    let link: ThreadLink | undefined
    try {
      link = await this.open()
      if (link.modelHash !== this.hash) throw new Error('the model has been changed on disk')
      for (const [key, segment] of this.segments) await this.loadInto(link, key, segment)
      this.restarts++
      this.serve(away, link)
    } catch (cause) {
      void link?.close(this.graceMs)
      if (this.state !== away) return
      const error = new InferenceThreadError(
        `Cannot restart the inference thread: ${(cause as Error).message}`,
        { cause },
      )
      this.options.onFault?.(error)
      this.rejectQueue(error)
      away.back.reject(error)
      this.restartLater()
    }
  }

  private rejectQueue(error: Error): void {
    for (const queued of this.queue.splice(0)) queued.reject(error)
  }
}

/** Nobody need be waiting for it. */
function outage(): Deferred<ThreadLink> {
  const back = deferred<ThreadLink>()
  back.promise.catch(() => undefined)
  return back
}

function cancelRun(cancel: Int32Array<SharedArrayBuffer>): void {
  Atomics.store(cancel, 0, 1)
  Atomics.notify(cancel, 0)
}
