import { randomBytes } from 'node:crypto'
import type { FeatureCodec } from '../src/codec/codec.ts'
import { featureCodec } from '../src/codec/feature-codecs.ts'
import { isInputCodec, rawInput } from '../src/codec/image-codecs.ts'
import { LiveSlowdown } from '../src/latency-model/live-slowdown.ts'
import type { PooledWorker } from '../src/scheduler/pooled-worker.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { TensorValue } from '../src/tensor/tensor-value.ts'
import { type Announcement, parseAnnouncement } from '../src/transport/announcement.ts'
import { ChunkAssembler } from '../src/transport/chunk-assembler.ts'
import { decodeFrame, encodeFrame, type Frame, type Part } from '../src/transport/frame.ts'
import type { IncomingMessage } from '../src/transport/message.ts'
import type { MqttSession } from '../src/transport/mqtt-session.ts'
import { deviceTopic, everyWorkerTopic, workerOf, workerTopic } from '../src/transport/topics.ts'
import { sendFrame } from '../src/transport/transfer.ts'

export interface RemoteRequest {
  readonly worker: string
  readonly wound: string
  readonly codec: string
  readonly parts: readonly Part[]
  readonly timeLeftMs: number
  readonly signal: AbortSignal
  /** What is expected back. */
  readonly outputShapes: readonly (readonly number[])[]
  /** Told how many bytes the request has on the wire, as soon as it is known. */
  readonly onFrame: (bytes: number) => void
}

export interface RemoteAnswer {
  readonly values: readonly TensorValue[]
  readonly queueMs: number
  readonly decodeMs: number
  /** Of the call that finished it. */
  readonly elapsedMs: number
  /** What of the call is this request's. */
  readonly shareMs: number
}

export interface WorkerPoolOptions {
  readonly session: MqttSession
  readonly topicPrefix: string
  readonly device: string
  readonly modelHash: string
  readonly now: () => number
  readonly log: Log
  /** An answer took `ms` on its way down. */
  readonly onDownlink: (bytes: number, ms: number) => void
}

interface Outstanding {
  readonly request: RemoteRequest
  ackedAtMs: number | undefined
  readonly resolve: (answer: RemoteAnswer) => void
  readonly reject: (error: Error) => void
}

/** The workers that announce this model, and the requests that are with them. */
export class WorkerPool {
  private readonly options: WorkerPoolOptions
  private readonly announced = new Map<string, Announcement>()
  private readonly slowdowns = new Map<string, LiveSlowdown>()
  private readonly outstanding = new Map<string, Outstanding>()
  private readonly assembler = new ChunkAssembler()

  constructor(options: WorkerPoolOptions) {
    this.options = options
  }

  async start(): Promise<void> {
    const { session } = this.options
    await session.subscribe(everyWorkerTopic('state', this.options.topicPrefix), (message) =>
      this.onAnnouncement(message),
    )
    await session.subscribe(this.replyTopic, (message) => this.onReply(message))
  }

  /** Workers that have this model, in no order. */
  workers(): PooledWorker[] {
    const { modelHash } = this.options
    return [...this.announced].flatMap(([id, announcement]) => {
      const model = announcement.models.find((candidate) => candidate.hash === modelHash)
      if (model === undefined) return []
      const tailMs = new Map(model.wounds.map((wound) => [wound.id, wound.tailMs]))
      const factor = this.slowdowns.get(id)?.factor ?? 1
      return [{ id, tailMs, pictureMs: model.pictureMs, queueMs: model.queueMs, factor }]
    })
  }

  /** Sends a request to one worker. Rejects when the worker fails or vanishes, the link ends, or `signal` is aborted. */
  async request(request: RemoteRequest): Promise<RemoteAnswer> {
    const { session, topicPrefix, modelHash, now } = this.options
    this.assembler.expire(now())
    const correlation = randomBytes(16)
    const key = correlation.toString('hex')
    const frame = encodeFrame({
      kind: 'request',
      modelHash,
      wound: request.wound,
      codec: request.codec,
      timeLeftMs: Math.max(1, Math.round(request.timeLeftMs)),
      parts: request.parts,
    })
    request.onFrame(frame.length)
    const answer = new Promise<RemoteAnswer>((resolve, reject) => {
      this.outstanding.set(key, { request, ackedAtMs: undefined, resolve, reject })
    })
    const onAbort = () => this.fail(key, new Error('The request was given up'))
    request.signal.addEventListener('abort', onAbort, { once: true })
    try {
      const sending = sendFrame(
        session,
        workerTopic(request.worker, 'request', topicPrefix),
        correlation,
        frame,
        {
          expiryMs: request.timeLeftMs,
          timeoutMs: request.timeLeftMs,
          responseTopic: this.replyTopic,
          signal: request.signal,
        },
      ).then(
        () => {
          const outstanding = this.outstanding.get(key)
          if (outstanding !== undefined) outstanding.ackedAtMs = now()
        },
        (error: Error) => this.fail(key, error),
      )
      return await Promise.all([answer, sending]).then(([first]) => first)
    } finally {
      request.signal.removeEventListener('abort', onAbort)
      this.outstanding.delete(key)
    }
  }

  private get replyTopic(): string {
    return deviceTopic(this.options.device, 'reply', this.options.topicPrefix)
  }

  private onAnnouncement(message: IncomingMessage): void {
    const worker = workerOf(message.topic, 'state', this.options.topicPrefix)
    if (worker === undefined) return
    const announcement = parseAnnouncement(message.payload)
    if (announcement !== undefined) {
      this.announced.set(worker, announcement)
      return
    }
    this.announced.delete(worker)
    this.slowdowns.delete(worker)
    for (const [key, outstanding] of this.outstanding) {
      if (outstanding.request.worker === worker) this.fail(key, new Error(`Worker ${worker} is gone`))
    }
  }

  private onReply(message: IncomingMessage): void {
    const key = Buffer.from(message.correlationData ?? []).toString('hex')
    const outstanding = this.outstanding.get(key)
    // Answers that nobody waits for any more are the price of finishing locally first.
    if (outstanding === undefined) return
    try {
      const bytes = this.assembler.accept(key, message.payload, this.options.now())
      if (bytes === undefined) return
      const frame = decodeFrame(bytes)
      const answer = this.accept(frame, outstanding.request)
      this.observe(outstanding, answer, bytes.length)
      outstanding.resolve(answer)
    } catch (error) {
      this.options.log('warn', 'refused an answer', { worker: outstanding.request.worker, error })
      this.fail(key, error as Error)
    }
  }

  /** The answer in a frame, if it is one to this request. @throws {Error} otherwise. */
  private accept(frame: Frame, request: RemoteRequest): RemoteAnswer {
    if (frame.kind === 'failure')
      throw new Error(`Worker ${request.worker} failed: ${frame.code}: ${frame.message}`)
    if (frame.kind !== 'result')
      throw new Error(`Cannot accept an answer: kind must be result, current value is ${frame.kind}`)
    if (frame.modelHash !== this.options.modelHash || frame.wound !== request.wound) {
      throw new Error('Cannot accept an answer: model and wound must be those of the request')
    }
    if (frame.parts.length !== request.outputShapes.length) {
      throw new Error(
        `Cannot accept an answer: it must have ${request.outputShapes.length} tensors, it has ${frame.parts.length}`,
      )
    }
    const codec = featureCodec(frame.codec)
    const values = frame.parts.map((part, i) => decodePart(part, codec, request.outputShapes[i]!))
    const { queueMs, decodeMs, elapsedMs, shareMs } = frame
    return { values, queueMs, decodeMs, elapsedMs, shareMs }
  }

  private observe(outstanding: Outstanding, answer: RemoteAnswer, bytes: number): void {
    const { worker, wound, codec } = outstanding.request
    const workMs = answer.decodeMs + answer.elapsedMs
    const slowdown = this.slowdowns.get(worker) ?? new LiveSlowdown()
    this.slowdowns.set(worker, slowdown)
    const known = this.workers().find((candidate) => candidate.id === worker)
    const announcedMs = known?.tailMs.get(wound) ?? 0
    const sparedMs = codec === rawInput ? (known?.pictureMs ?? 0) : 0
    // Like with like: of the input's time decoding is a part, of other wounds' it is not.
    const comparedMs = isInputCodec(codec) ? workMs : answer.elapsedMs
    // Announced is what one request takes alone: a call that finished others as well says nothing of it.
    if (answer.shareMs === answer.elapsedMs) slowdown.observe(comparedMs, Math.max(0, announcedMs - sparedMs))
    if (outstanding.ackedAtMs === undefined) return
    // The acknowledgement came down the same way as the answer: what is left after the worker's own time is transfer.
    this.options.onDownlink(bytes, this.options.now() - outstanding.ackedAtMs - answer.queueMs - workMs)
  }

  private fail(key: string, error: Error): void {
    this.outstanding.get(key)?.reject(error)
    this.outstanding.delete(key)
  }
}

function decodePart(part: Part, codec: FeatureCodec, shape: readonly number[]): TensorValue {
  if (part.shape.length !== shape.length || part.shape.some((axis, i) => axis !== shape[i])) {
    throw new Error(
      `Cannot accept an answer: shape must be [${shape.join(',')}], current value is [${part.shape.join(',')}]`,
    )
  }
  const value = codec.decode(part.bytes, part.shape)
  for (const element of value.data) {
    if (!Number.isFinite(element)) throw new Error('Cannot accept an answer: every value must be finite')
  }
  return value
}
