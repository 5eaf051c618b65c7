import { Worker } from 'node:worker_threads'
import type { Segment } from './engine.ts'
import type { RunReply, RunRequest, ThreadCommand, ThreadReply, ThreadSetup } from './inference-protocol.ts'

/** Its caller asked for it to be stopped, or the whole worker was. */
export class RunCancelledError extends Error {
  override readonly name = 'RunCancelledError'
}

interface Waiting {
  readonly resolve: (reply: RunReply | undefined) => void
  readonly reject: (error: Error) => void
}

interface Queued {
  readonly dueMs: number
  readonly begin: () => void
  readonly reject: (error: Error) => void
}

/** Leaves the call number to the worker. Distributes over the union, which a plain `Omit` would not. */
type CommandBody = ThreadCommand extends infer Command
  ? Command extends unknown
    ? Omit<Command, 'call'>
    : never
  : never

/**
 * The host's side of one inference thread. Runs are started one at a time, earliest `dueMs` first, so that a new
 * request's head goes before a local tail that is only insurance. A thread that ends by itself rejects all that waits.
 */
export class InferenceWorker {
  private readonly setup: ThreadSetup
  private readonly now: () => number
  private thread: Worker | undefined
  private readonly calls = new Map<number, Waiting>()
  private queue: Queued[] = []
  private running = false
  private nextCall = 0
  private hash = ''

  constructor(setup: ThreadSetup, now: () => number = () => performance.now()) {
    this.setup = setup
    this.now = now
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
    if (this.thread !== undefined) return
    const thread = new Worker(new URL('./inference-thread.js', import.meta.url), { workerData: this.setup })
    this.thread = thread
    await new Promise<void>((resolve, reject) => {
      thread.on('message', (reply: ThreadReply) => {
        if (reply.kind !== 'ready') return this.settle(reply)
        this.hash = reply.modelHash
        resolve()
      })
      thread.on('error', (error: Error) => {
        reject(error)
        this.abandon(error)
      })
      thread.on('exit', (code) => {
        const error = new Error(`The inference thread ended with code ${code}`)
        reject(error)
        this.abandon(error)
      })
    })
  }

  async stop(): Promise<void> {
    const thread = this.thread
    if (thread === undefined) return
    for (const queued of this.queue.splice(0))
      queued.reject(new RunCancelledError('The inference thread is stopped'))
    await this.call({ kind: 'stop' }).catch(() => undefined)
    await thread.terminate()
    this.thread = undefined
  }

  /** Compiles a segment under a key; a segment already under that key is replaced. */
  async load(key: string, segment: Segment): Promise<void> {
    await this.call({ kind: 'load', key, segment })
  }

  async unload(key: string): Promise<void> {
    await this.call({ kind: 'unload', key })
  }

  /** Forgets the tensors kept for a request. */
  drop(request: string): void {
    this.call({ kind: 'drop', request }).catch(() => undefined)
  }

  /**
   * @param options.dueMs when the result is wanted: of the runs that wait, the earliest goes first. Now by default.
   * @throws {RunCancelledError} when `signal` is aborted before the result is there.
   */
  run(request: RunRequest, options: { dueMs?: number; signal?: AbortSignal } = {}): Promise<RunReply> {
    const { signal, dueMs = this.now() } = options
    return new Promise<RunReply>((resolve, reject) => {
      if (signal?.aborted) return reject(new RunCancelledError('Cancelled before it began'))
      const cancel = new Int32Array(new SharedArrayBuffer(4))
      const onAbort = () => {
        Atomics.store(cancel, 0, 1)
        Atomics.notify(cancel, 0)
        const waiting = this.queue.indexOf(queued)
        if (waiting < 0) return
        this.queue.splice(waiting, 1)
        reject(new RunCancelledError('Cancelled while it waited'))
      }
      const begin = () => {
        this.running = true
        this.call({ kind: 'run', run: request, cancel })
          .then((reply) => resolve(reply!), reject)
          .finally(() => {
            signal?.removeEventListener('abort', onAbort)
            this.running = false
            this.beginNext()
          })
      }
      const queued: Queued = { dueMs, begin, reject }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.queue.push(queued)
      if (!this.running) this.beginNext()
    })
  }

  private beginNext(): void {
    const next = this.queue.reduce<Queued | undefined>(
      (first, other) => (first === undefined || other.dueMs < first.dueMs ? other : first),
      undefined,
    )
    if (next === undefined) return
    this.queue.splice(this.queue.indexOf(next), 1)
    next.begin()
  }

  private call(command: CommandBody): Promise<RunReply | undefined> {
    const { thread } = this
    if (thread === undefined)
      return Promise.reject(new Error('Cannot use the inference thread: it is not running'))
    const call = this.nextCall++
    return new Promise((resolve, reject) => {
      this.calls.set(call, { resolve, reject })
      thread.postMessage({ ...command, call })
    })
  }

  private settle(reply: Exclude<ThreadReply, { kind: 'ready' }>): void {
    const waiting = this.calls.get(reply.call)
    this.calls.delete(reply.call)
    if (waiting === undefined) return
    switch (reply.kind) {
      case 'done':
        return waiting.resolve(reply.reply)
      case 'cancelled':
        return waiting.reject(new RunCancelledError('Cancelled between two segments'))
      case 'failed': {
        const error = new Error(reply.message)
        error.name = reply.name
        return waiting.reject(error)
      }
    }
  }

  private abandon(error: Error): void {
    this.thread = undefined
    for (const waiting of this.calls.values()) waiting.reject(error)
    this.calls.clear()
  }
}
