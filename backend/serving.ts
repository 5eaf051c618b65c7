import type { Clock } from '../src/async/clock.ts'
import { type Deferred, deferred } from '../src/async/deferred.ts'
import { linkedAbort } from '../src/async/linked-abort.ts'
import type { Log } from '../src/telemetry/log.ts'
import {
  type FailureFrame,
  type Frame,
  modelDigits,
  type RequestFrame,
} from '../src/transport/frame-content.ts'
import type { WorkerConfig } from './config.ts'
import { LiveCallTimes } from './live-call-times.ts'
import type { Finished } from './measure-tails.ts'
import { type PreparedRequest, RequestError } from './prepare-request.ts'
import { type Preparation, type QueuedRequest, type QueueLimits, RequestQueue } from './request-queue.ts'
import type { CallTimes } from './service-order.ts'

/** A model with an engine of its own: {@link ServedModel}. */
export interface Server extends CallTimes {
  readonly hash: string
  readonly name: string
  /** What preparing a request claims: `none` is done at once, the others beside the runs. */
  preparation(request: RequestFrame): Promise<Preparation>
  prepare(request: RequestFrame): Promise<PreparedRequest>
  finish(requests: readonly PreparedRequest[], signal: AbortSignal): Promise<readonly Finished[]>
  prepareTail(): void
}

/** A request as it came. */
export interface ArrivedRequest {
  /** Its correlation id, in hex. */
  readonly key: string
  readonly sender: string
  readonly frame: RequestFrame
  /** Answers it; called once, or never where it was given up. */
  readonly reply: (frame: Frame) => void
}

interface Pending extends QueuedRequest, ArrivedRequest {
  readonly server: Server
  readonly arrivedMs: number
}

interface Answer {
  readonly pending: Pending
  readonly frame: Frame
}

export interface ServingOptions {
  readonly servers: readonly Server[]
  readonly limits: QueueLimits
  readonly clock: Clock
  readonly log: Log
}

/** Requests of a model that may wait decoded. */
const maxPrepared = 6
/** What one sender's requests may have more of the engine than another's before they wait. */
const slackMs = 50

/** What a worker's configuration means for its queue. */
export function queueLimits({ queueBytes, queue, waitMs }: WorkerConfig['limits']): QueueLimits {
  return { maxBytes: queueBytes, maxRequests: queue, maxWaitMs: waitMs, maxPrepared, slackMs }
}

/** Pictures decoded at once beside the runs; of the expensive ones one. */
const decodersOf = { cheap: 2, expensive: 1 } as const

/**
 * Finishes requests: what `RequestQueue` says is next is computed, one call at a time for each model and none waiting
 * for another's, while the pictures of those behind are decoded.
 */
export class Serving {
  private readonly servers: ReadonlyMap<string, Server>
  /** By model. */
  private readonly times: ReadonlyMap<string, LiveCallTimes>
  private readonly queue: RequestQueue<Pending>
  private readonly clock: Clock
  private readonly log: Log
  private readonly over = new AbortController()
  private readonly prepared = new Map<string, PreparedRequest>()
  private readonly calls = new Map<string, { readonly abort: () => void }>()
  /** What is looked at before it is queued. */
  private readonly arriving = new Set<string>()
  private readonly decoding = { cheap: 0, expensive: 0 }
  /** Set once nothing more is taken; settles when nothing is here. */
  private drained: Deferred<void> | undefined

  constructor({ servers, limits, clock, log }: ServingOptions) {
    this.servers = new Map(servers.map((server) => [server.hash.slice(0, modelDigits), server]))
    this.times = new Map(servers.map((server) => [server.hash, new LiveCallTimes(server)]))
    this.queue = new RequestQueue(limits, this.times)
    this.clock = clock
    this.log = log
  }

  /** Bytes of the requests that are here. */
  get bytes(): number {
    return this.queue.bytes
  }

  /** What a request for a model would wait before it is begun, if it came now from somebody new. */
  waitMs(hash: string): number {
    return this.queue.waitMs(hash, this.clock.now())
  }

  /** Queues a request, or answers at once why not. */
  async accept(arrived: ArrivedRequest): Promise<void> {
    const { key, frame, reply, sender } = arrived
    // Delivered again, or a name that was guessed.
    if (this.arriving.has(key) || this.queue.has(key)) return
    const arrivedMs = this.clock.now()
    const server = this.servers.get(frame.model)
    if (server === undefined)
      return reply(failure('unknown-model', `There is no model with hash ${frame.model} here`))
    let preparation: Preparation = 'none'
    this.arriving.add(key)
    try {
      preparation = await server.preparation(frame)
      if (preparation === 'none') this.prepared.set(key, await server.prepare(frame))
    } catch (error) {
      return this.arriving.delete(key) ? reply(this.failureOf(error as Error, frame)) : undefined
    }
    const isGivenUp = !this.arriving.delete(key)
    if (isGivenUp || this.drained !== undefined) {
      this.prepared.delete(key)
      return isGivenUp ? undefined : reply(failure('stopping', 'The worker is stopping'))
    }
    const bytes = frame.parts.reduce((sum, part) => sum + part.length, 0)
    const { wound, timeLeftMs } = frame
    const dueMs = arrivedMs + timeLeftMs
    const line = server.hash
    const pending = { key, sender, frame, reply, server, arrivedMs, wound, dueMs, line, bytes, preparation }
    const admission = this.queue.admit(pending, this.clock.now())
    if (admission.kind === 'refused') this.refuse(pending, admission.waitMs)
    else for (const evicted of admission.evicted) this.refuse(evicted, this.waitMs(evicted.line))
    this.goOn(server)
  }

  /** The request is given up: what waits is dropped, what is computed for nobody else is ended. */
  cancel(key: string): void {
    this.arriving.delete(key)
    const cancelled = this.queue.cancel(key)
    if (cancelled.kind === 'unknown') return
    if (cancelled.kind === 'dropped') this.prepared.delete(key)
    if (cancelled.kind === 'useless') this.calls.get(cancelled.request.line)?.abort()
    this.log('debug', 'a request was given up', { wound: cancelled.request.wound, was: cancelled.kind })
    this.settle()
  }

  /**
   * Takes nothing more and finishes what can be begun within so many milliseconds; the rest, and what then still runs
   * after as long again, is answered by an error. Resolves when every request is answered, at the latest after as long a
   * third time: native code cannot be ended.
   */
  async drain(withinMs: number): Promise<void> {
    this.drained = deferred()
    const stopping = failure('stopping', 'The worker is stopping, and it would not be finished in time')
    for (const late of this.queue.takeLate(withinMs, this.clock.now())) this.answer(late, stopping)
    const { promise, resolve } = this.drained
    const timers = [
      this.clock.schedule(2 * withinMs, () => this.over.abort()),
      this.clock.schedule(3 * withinMs, resolve),
    ]
    this.settle()
    await promise
    for (const takeBack of timers) takeBack()
  }

  private goOn(server: Server): void {
    this.decodeMore()
    const { expired, call } = this.queue.next(server.hash, this.clock.now())
    for (const pending of expired) {
      const { arrivedMs, frame } = pending
      const text = `It waited ${Math.round(this.clock.now() - arrivedMs)} ms, ${frame.timeLeftMs} ms were left`
      this.answer(pending, failure('expired', text))
    }
    if (call.length > 0) void this.compute(server, call)
    else if (this.queue.size === 0) server.prepareTail()
    this.settle()
  }

  private async compute(server: Server, call: readonly Pending[]): Promise<void> {
    const life = linkedAbort(this.over.signal)
    this.calls.set(server.hash, life)
    const answers = await this.finish(server, call, life.signal).catch((error: Error) => {
      if (call.length > 1 && !life.signal.aborted) return this.finishSingly(server, call, error, life.signal)
      return call.map((pending): Answer => ({ pending, frame: this.failureOf(error, pending.frame) }))
    })
    const wanted = answers.filter(({ pending }) => this.queue.isWanted(pending))
    life.release()
    this.calls.delete(server.hash)
    this.queue.done(server.hash)
    for (const { key } of call) this.prepared.delete(key)
    // Before the answers are made and sent: the thread has nothing to do.
    this.goOn(server)
    for (const { pending, frame } of wanted) pending.reply(frame)
  }

  private async finish(
    server: Server,
    call: readonly Pending[],
    signal: AbortSignal,
  ): Promise<readonly Answer[]> {
    const requests = call.map(({ key }) => this.prepared.get(key)!)
    const finished = await server.finish(requests, signal)
    const [{ wound }] = call as [Pending]
    this.times.get(server.hash)!.took(wound, call.length, finished[0]!.elapsedMs, this.clock.now())
    return call.map((pending, i): Answer => {
      const { codec, encoded, elapsedMs, shareMs } = finished[i]!
      const { decodeMs } = requests[i]!
      const stayMs = this.clock.now() - pending.arrivedMs
      const frame = {
        kind: 'result' as const,
        codec,
        isDamaged: requests[i]!.isDamaged ?? false,
        queueMs: Math.max(0, stayMs - decodeMs - elapsedMs),
        decodeMs,
        elapsedMs,
        shareMs,
        parts: encoded,
      }
      return { pending, frame }
    })
  }

  /** One member's fault is not the others'. */
  private async finishSingly(
    server: Server,
    call: readonly Pending[],
    error: Error,
    signal: AbortSignal,
  ): Promise<readonly Answer[]> {
    this.log('warn', 'a batch failed, its members are tried singly', { model: server.name, error })
    const answers: Answer[] = []
    for (const pending of call) {
      if (!this.queue.isWanted(pending)) continue
      try {
        answers.push(...(await this.finish(server, [pending], signal)))
      } catch (cause) {
        answers.push({ pending, frame: this.failureOf(cause as Error, pending.frame) })
      }
    }
    return answers
  }

  private decodeMore(): void {
    for (const kind of ['cheap', 'expensive'] as const) {
      while (this.decoding[kind] < decodersOf[kind]) {
        const pending = this.queue.nextToPrepare(kind)
        if (pending === undefined) break
        void this.decode(pending, kind)
      }
    }
  }

  private async decode(pending: Pending, kind: 'cheap' | 'expensive'): Promise<void> {
    const { key, server, frame } = pending
    this.decoding[kind] += 1
    try {
      const prepared = await server.prepare(frame)
      if (this.queue.ready(key)) this.prepared.set(key, prepared)
    } catch (error) {
      if (this.queue.cancel(key).kind === 'dropped')
        this.answer(pending, this.failureOf(error as Error, frame))
    } finally {
      this.decoding[kind] -= 1
      this.goOn(server)
    }
  }

  private refuse(pending: Pending, waitMs: number): void {
    const message = `It would have waited ${Math.round(waitMs)} ms, ${this.queue.size} others are here`
    this.answer(pending, { kind: 'failure', code: 'overloaded', waitMs, message })
  }

  private answer(pending: Pending, frame: Frame): void {
    this.prepared.delete(pending.key)
    pending.reply(frame)
  }

  private failureOf(error: Error, { wound }: RequestFrame): FailureFrame {
    const { name, message } = error
    this.log('warn', 'a request failed', { wound, reason: message })
    if (error instanceof RequestError) return failure(error.code, message)
    if (this.over.signal.aborted) return failure('stopping', message)
    // By name: the inference thread's errors come as copies.
    if (name === 'OutputError') return failure('bad-output', message)
    if (name === 'InputError' || name === 'RangeError') return failure('bad-input', message)
    return failure('internal', message)
  }

  private settle(): void {
    if (this.queue.size === 0) this.drained?.resolve()
  }
}

function failure(code: Exclude<FailureFrame['code'], 'overloaded'>, message: string): FailureFrame {
  return { kind: 'failure', code, message }
}
