import { randomBytes } from 'node:crypto'
import type { AskedWork } from '../src/latency-model/worker-belief.ts'
import type { Log } from '../src/telemetry/log.ts'
import { ChunkAssembler } from '../src/transport/chunk-assembler.ts'
import { splitIntoChunks } from '../src/transport/chunks.ts'
import { decodeFrame, encodeFrame } from '../src/transport/frame.ts'
import { modelDigits } from '../src/transport/frame-content.ts'
import type { IncomingMessage } from '../src/transport/message.ts'
import type { MqttSession } from '../src/transport/mqtt-session.ts'
import { deviceTopic, everyWorkerTopic, workerTopic } from '../src/transport/topics.ts'
import { sendFrame } from '../src/transport/transfer.ts'
import { TransportError } from '../src/transport/transport-error.ts'
import { type AcceptableAnswer, acceptAnswer, type RemoteAnswer } from './accept-answer.ts'
import { RequestError } from './request-error.ts'
import { Silence } from './silence.ts'
import type { Workers } from './workers.ts'

export interface RemoteRequest extends AcceptableAnswer {
  readonly wound: string
  readonly codec: string
  /** The crossing tensors, encoded. */
  readonly parts: readonly Uint8Array[]
  /** What of the worker's announced times is asked for. */
  readonly work: AskedWork
  /** After which the answer is worth nothing: the worker drops it then. */
  readonly timeLeftMs: number
  /** What the answer is expected to take on its way down. */
  readonly returnMs: number
  readonly signal: AbortSignal
  /** Told how many bytes the request has on the wire, as soon as it is known. */
  readonly onFrame: (bytes: number) => void
  /** Told how long it was until the broker had acknowledged all of it. */
  readonly onArrived: (ms: number) => void
}

/** What an exchange needs of the session with the pool. */
export type PoolSession = Pick<MqttSession, 'publish' | 'subscribe'>

export interface ExchangeOptions {
  readonly session: PoolSession
  readonly topicPrefix: string
  readonly device: string
  readonly modelHash: string
  readonly workers: Workers
  readonly now: () => number
  readonly log: Log
  /** An answer took `ms` on its way down. */
  readonly onDownlink: (bytes: number, ms: number) => void
}

interface Outstanding {
  readonly request: RemoteRequest
  readonly frameBytes: number
  /** Of its chunks, those that have left for the socket. */
  leftBytes: number
  sentAtMs: number
  ackedAtMs: number | undefined
  readonly resolve: (answer: RemoteAnswer) => void
  readonly reject: (error: Error) => void
  /** Nobody waits for it any longer; what it says of the worker is learned all the same. */
  isGivenUp: boolean
}

/** Answers that nobody waits for any more are still listened to for so long, for what they say of their worker. */
const rememberedMs = 60_000
/** After which a cancellation would come too late anyway. */
const cancelMs = 1000
const oneChunk = { chunkBytes: 1024, singleBytes: 1024 }

/** The requests that are with workers: each is answered once, and everything that becomes of it is learned from. */
export class Exchange {
  private readonly options: ExchangeOptions
  private readonly outstanding = new Map<string, Outstanding>()
  private readonly assembler = new ChunkAssembler()
  private readonly silence: Silence

  constructor(options: ExchangeOptions) {
    this.options = options
    this.silence = new Silence(options.log)
  }

  async start(): Promise<void> {
    const { session, topicPrefix, workers } = this.options
    await session.subscribe(everyWorkerTopic('state', topicPrefix), (message) =>
      workers.onAnnouncement(message),
    )
    await session.subscribe(this.replyTopic, (message) => this.onReply(message))
  }

  /**
   * Sends a request to one worker.
   * @throws {RequestError} when the worker fails or vanishes or the link ends; the signal's reason when it is aborted,
   * and then the worker is told that nobody waits any longer.
   */
  async request(request: RemoteRequest): Promise<RemoteAnswer> {
    const { session, topicPrefix, modelHash, workers, now } = this.options
    this.forgetOld()
    const correlation = randomBytes(8)
    const key = correlation.toString('hex')
    const { worker, signal } = request
    const frame = encodeFrame({
      kind: 'request',
      model: modelHash.slice(0, modelDigits),
      wound: request.wound,
      codec: request.codec,
      timeLeftMs: Math.max(1, Math.round(request.timeLeftMs)),
      ...(request.answer !== undefined && { answer: request.answer }),
      parts: request.parts,
    })
    request.onFrame(frame.length)
    const sentAtMs = now()
    const answer = new Promise<RemoteAnswer>((resolve, reject) => {
      const entry = {
        request,
        frameBytes: frame.length,
        sentAtMs,
        leftBytes: 0,
        ackedAtMs: undefined,
        resolve,
        reject,
        isGivenUp: false,
      }
      this.outstanding.set(key, entry)
    })
    workers.belief(worker)?.sent(key, request.work, sentAtMs)
    const onAbort = () => this.giveUp(key, signal.reason as Error)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    // The answer alone is waited for: it may be there before the broker has acknowledged the request.
    sendFrame(session, workerTopic(worker, 'request', topicPrefix), correlation, frame, {
      expiryMs: request.timeLeftMs,
      timeoutMs: request.timeLeftMs,
      responseTopic: this.replyTopic,
      signal,
      now,
      onSent: (bytes) => this.left(key, bytes),
    }).then(
      () => this.arrived(key),
      (cause: Error) => this.notSent(key, cause),
    )
    return answer.finally(() => signal.removeEventListener('abort', onAbort))
  }

  /** Requests that are with a worker are answered by nobody. */
  onGone(worker: string): void {
    for (const [key, { request }] of this.outstanding) {
      if (request.worker === worker)
        this.fail(key, new RequestError('worker-failed', `Worker ${worker} is gone`))
    }
  }

  /** Of requests that somebody waits for: what has not left for the socket yet. */
  get waitingBytes(): number {
    let bytes = 0
    for (const { frameBytes, leftBytes, isGivenUp } of this.outstanding.values())
      if (!isGivenUp) bytes += Math.max(0, frameBytes - leftBytes)
    return bytes
  }

  private left(key: string, bytes: number): void {
    const outstanding = this.outstanding.get(key)
    if (outstanding !== undefined) outstanding.leftBytes += bytes
  }

  private get replyTopic(): string {
    return deviceTopic(this.options.device, 'reply', this.options.topicPrefix)
  }

  private onReply(message: IncomingMessage): void {
    const { now, workers, log } = this.options
    const key = Buffer.from(message.correlationData ?? []).toString('hex')
    const outstanding = this.outstanding.get(key)
    if (outstanding === undefined) return
    const { request } = outstanding
    const belief = workers.belief(request.worker)
    this.silence.heard(request.worker)
    try {
      const bytes = this.assembler.accept(key, message.payload, now())
      if (bytes === undefined) return
      const frame = decodeFrame(bytes)
      if (frame.kind === 'failure' && frame.code === 'overloaded') belief?.refused(key, frame.waitMs, now())
      const answer = acceptAnswer(frame, request)
      const { queueMs, decodeMs, elapsedMs, shareMs } = answer
      const tailMs = shareMs === elapsedMs ? elapsedMs : undefined
      belief?.answered(key, { queueMs, decodeMs, tailMs }, now())
      this.observeDownlink(outstanding, answer, bytes.length)
      this.outstanding.delete(key)
      outstanding.resolve(answer)
    } catch (error) {
      // Nothing that a worker says of the request itself counts against the worker.
      const isItsFault = !(error instanceof RequestError) || error.code === 'worker-failed'
      if (isItsFault) belief?.failed(key, now())
      log('warn', 'refused an answer', { worker: request.worker, error })
      const { message: text } = error as Error
      this.fail(key, error instanceof RequestError ? error : new RequestError('worker-failed', text))
    }
  }

  private arrived(key: string): void {
    const { now, workers } = this.options
    const outstanding = this.outstanding.get(key)
    if (outstanding === undefined) return
    outstanding.ackedAtMs = now()
    workers.belief(outstanding.request.worker)?.arrived(key, now())
    outstanding.request.onArrived(now() - outstanding.sentAtMs)
  }

  private notSent(key: string, cause: Error): void {
    const { now, workers, log } = this.options
    const worker = this.outstanding.get(key)?.request.worker
    if (worker === undefined) return
    if (!(cause instanceof TransportError && cause.code === 'unmatched'))
      return this.fail(
        key,
        new RequestError('offline', `The request was not sent: ${cause.message}`, { cause }),
      )
    workers.belief(worker)?.failed(key, now())
    log('warn', 'a worker is announced and does not read its requests', { worker })
    this.fail(
      key,
      new RequestError('worker-failed', `Worker ${worker} does not read its requests`, { cause }),
    )
  }

  private giveUp(key: string, reason: Error): void {
    const outstanding = this.outstanding.get(key)
    if (outstanding === undefined || outstanding.isGivenUp) return
    const { request, reject, ackedAtMs } = outstanding
    const nowMs = this.options.now()
    outstanding.isGivenUp = true
    this.options.workers.belief(request.worker)?.givenUp(key, request.returnMs, nowMs)
    if (ackedAtMs !== undefined) this.silence.unanswered(request.worker, nowMs)
    reject(reason)
    this.cancel(key, request.worker)
  }

  /** What the worker has not begun it need not; a word that is lost costs no more than its silence would. */
  private cancel(request: string, worker: string): void {
    const { session, topicPrefix } = this.options
    const topic = workerTopic(worker, 'request', topicPrefix)
    const [chunk] = splitIntoChunks(encodeFrame({ kind: 'cancel', request }), oneChunk)
    const options = { qos: 0, correlationData: randomBytes(8), timeoutMs: cancelMs } as const
    session.publish(topic, chunk!, { ...options, expirySeconds: 1 }).catch(() => undefined)
  }

  private observeDownlink(outstanding: Outstanding, answer: RemoteAnswer, bytes: number): void {
    if (outstanding.ackedAtMs === undefined) return
    // The acknowledgement came down the same way as the answer: what is left after the worker's own time is transfer.
    const workMs = answer.queueMs + answer.decodeMs + answer.elapsedMs
    this.options.onDownlink(bytes, this.options.now() - outstanding.ackedAtMs - workMs)
  }

  private fail(key: string, error: Error): void {
    const outstanding = this.outstanding.get(key)
    if (outstanding === undefined) return
    this.outstanding.delete(key)
    this.options.workers.belief(outstanding.request.worker)?.forget(key)
    outstanding.reject(error)
  }

  private forgetOld(): void {
    const { now } = this.options
    this.assembler.expire(now())
    for (const [key, { isGivenUp, sentAtMs }] of this.outstanding) {
      if (isGivenUp && now() - sentAtMs > rememberedMs) this.outstanding.delete(key)
    }
  }
}
