import { type Deferred, deferred } from '../async/deferred.ts'
import type { SegmentLoad, ThreadNote, ThreadSetup } from './inference-protocol.ts'
import {
  InferenceThreadError,
  type OpenThread,
  RunCancelledError,
  type ThreadLink,
} from './inference-thread-link.ts'
import { limitedCall } from './limited-call.ts'

export interface LastingThreadOptions {
  readonly now: () => number
  readonly graceMs: number
  readonly open: OpenThread
  readonly onNote: (note: ThreadNote) => void
  /** Told of every thread that ended by itself or hung, and of every new one that could not start. */
  readonly onFault: (error: Error) => void
  /** It computes, as from now. */
  readonly onServing: () => void
  /** It has ended, and with it all that it kept; another is on its way. */
  readonly onLost: () => void
  /** The one on its way could not be started; one more will be tried. */
  readonly onUnavailable: (error: Error) => void
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

/** An inference thread that is replaced when it crashes or hangs, by a new one with the same segments. */
export class LastingThread {
  private readonly setup: ThreadSetup
  private readonly options: LastingThreadOptions
  /** What a new thread has to be given. */
  private readonly segments = new Map<string, SegmentLoad>()
  private state: State = { kind: 'stopped' }
  private failures = 0
  private hash = ''
  /** Threads that took another's place. */
  restarts = 0

  constructor(setup: ThreadSetup, options: LastingThreadOptions) {
    this.setup = setup
    this.options = options
  }

  /** Hash of the model that it has loaded. */
  get modelHash(): string {
    return this.hash
  }

  get isStopped(): boolean {
    return this.state.kind === 'stopped'
  }

  /** The thread that serves now, if any. */
  get serving(): ThreadLink | undefined {
    return this.state.kind === 'serving' ? this.state.link : undefined
  }

  /** @throws whatever stopped it from loading. */
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
    if (state.kind === 'serving') await state.link.close(this.options.graceMs)
    if (state.kind !== 'away') return
    clearTimeout(state.timer)
    state.back.reject(new RunCancelledError('The inference thread is stopped'))
  }

  async load(key: string, load: SegmentLoad): Promise<void> {
    await this.loadInto(await this.link(), key, load)
    // Only what could be compiled: a segment that kills its thread is not tried again and again.
    this.segments.set(key, load)
  }

  async unload(key: string): Promise<void> {
    this.segments.delete(key)
    await (await this.link()).call({ kind: 'unload', key })
  }

  /** A run has ended well: the next failure is the first again. */
  hasServed(): void {
    this.failures = 0
  }

  private async loadInto(link: ThreadLink, key: string, load: SegmentLoad): Promise<void> {
    const limit = { ms: loadLimitMs, graceMs: 0, what: `Compiling ${key}` }
    await limitedCall(link, { kind: 'load', key, ...load }, limit, this.options.now)
  }

  private async link(): Promise<ThreadLink> {
    const { state } = this
    switch (state.kind) {
      case 'serving':
        return state.link
      case 'away':
        return state.back.promise
      case 'stopped':
        throw notRunning()
    }
  }

  private async open(): Promise<ThreadLink> {
    const { onNote, open } = this.options
    const link: ThreadLink = await open(this.setup, (error) => this.onEnd(link, error), onNote)
    return link
  }

  private serve(away: State, link: ThreadLink): void {
    if (this.state !== away || away.kind !== 'away') {
      void link.close(this.options.graceMs)
      return
    }
    this.state = { kind: 'serving', link }
    away.back.resolve(link)
    this.options.onServing()
  }

  private onEnd(link: ThreadLink, error: Error): void {
    // A thread that ends while it is being prepared is restart's to deal with.
    if (this.state.kind !== 'serving' || this.state.link !== link) return
    this.options.onFault(error)
    this.options.onLost()
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
      for (const [key, load] of this.segments) await this.loadInto(link, key, load)
      this.restarts++
      this.serve(away, link)
    } catch (cause) {
      void link?.close(this.options.graceMs)
      if (this.state !== away) return
      const error = new InferenceThreadError(
        `Cannot restart the inference thread: ${(cause as Error).message}`,
        { cause },
      )
      this.options.onFault(error)
      this.options.onUnavailable(error)
      away.back.reject(error)
      this.restartLater()
    }
  }
}

export function notRunning(): Error {
  return new Error('Cannot use the inference thread: it is not running')
}

/** Nobody need be waiting for it. */
function outage(): Deferred<ThreadLink> {
  const back = deferred<ThreadLink>()
  back.promise.catch(() => undefined)
  return back
}
