import type { Log } from '../src/telemetry/log.ts'
import type { Announcement } from '../src/transport/announcement.ts'
import { ChunkAssembler } from '../src/transport/chunk-assembler.ts'
import { endpointOptions } from '../src/transport/endpoint-config.ts'
import { decodeFrame, encodeFrame, type Frame } from '../src/transport/frame.ts'
import type { IncomingMessage } from '../src/transport/message.ts'
import { MqttSession } from '../src/transport/mqtt-session.ts'
import { workerTopic } from '../src/transport/topics.ts'
import { sendFrame } from '../src/transport/transfer.ts'
import type { WorkerConfig } from './config.ts'
import { RequestError, resultCodec, ServedModel } from './served-model.ts'

/** How often a changed load is announced at most. */
const announceMs = 1000
const replyTimeoutMs = 30_000

type RequestFrame = Extract<Frame, { kind: 'request' }>
type FailureCode = Extract<Frame, { kind: 'failure' }>['code']

/** A pool member: takes requests on its own topic, finishes them in order and answers on the topic each names. */
export class BackendWorker {
  private readonly config: WorkerConfig
  private readonly log: Log
  private readonly models: readonly ServedModel[]
  private readonly assembler = new ChunkAssembler()
  private readonly over = new AbortController()
  private session: MqttSession | undefined
  private timer: NodeJS.Timeout | undefined
  private announcedText = ''
  private waiting = 0
  private tail: Promise<void> = Promise.resolve()
  /** Milliseconds of work that the waiting requests are expected to be. */
  private queueMs = 0

  constructor(config: WorkerConfig, log: Log) {
    this.config = config
    this.log = log
    this.models = config.models.map((source) => new ServedModel(source, config, log))
  }

  /** Resolves when the models are loaded and the broker is looked for. */
  async start(): Promise<void> {
    const { config } = this
    for (const model of this.models) await model.start()
    const gone = { topic: this.stateTopic, payload: '', retain: true }
    const session = new MqttSession({
      ...endpointOptions(config.mqtt),
      clientId: `${config.topicPrefix}-worker-${config.worker}`,
      will: gone,
      offlineMessage: gone,
      log: this.log,
    })
    this.session = session
    session.onState((state) => {
      if (state.kind !== 'online') return
      this.announcedText = ''
      this.announce()
    })
    session.start()
    await session.subscribe(workerTopic(config.worker, 'request', config.topicPrefix), (message) =>
      this.onRequest(message),
    )
    this.timer = setInterval(() => {
      this.announce()
      this.assembler.expire(performance.now())
    }, announceMs)
  }

  async stop(): Promise<void> {
    clearInterval(this.timer)
    this.over.abort()
    await this.session?.stop()
    this.session = undefined
    for (const model of this.models) await model.stop()
  }

  private get stateTopic(): string {
    return workerTopic(this.config.worker, 'state', this.config.topicPrefix)
  }

  private announce(): void {
    const { session } = this
    if (session?.state.kind !== 'online') return
    const announcement: Announcement = {
      worker: this.config.worker,
      models: this.models.map((model) => ({
        name: model.name,
        hash: model.hash,
        wounds: [...model.tailMs].map(([id, tailMs]) => ({ id, tailMs })),
      })),
      queueMs: Math.round(this.queueMs),
    }
    const text = JSON.stringify(announcement)
    if (text === this.announcedText) return
    this.announcedText = text
    session
      .publish(this.stateTopic, text, { qos: 1, retain: true, timeoutMs: 10_000 })
      .catch((error: Error) => this.log('warn', 'the announcement was not published', { error }))
  }

  private async onRequest(message: IncomingMessage): Promise<void> {
    const { correlationData, responseTopic } = message
    if (correlationData?.length !== 16 || responseTopic === undefined) {
      this.log('warn', 'dropped a request: it needs correlation data of 16 bytes and a response topic')
      return
    }
    const arrivedMs = performance.now()
    const key = Buffer.from(correlationData).toString('hex')
    const reply = (frame: Frame) => this.reply(responseTopic, correlationData, frame)
    let request: RequestFrame
    try {
      const bytes = this.assembler.accept(key, message.payload, arrivedMs)
      if (bytes === undefined) return
      const frame = decodeFrame(bytes)
      if (frame.kind !== 'request')
        throw new RangeError(`kind must be request, current value is ${frame.kind}`)
      request = frame
    } catch (error) {
      return reply(failure('bad-frame', `Cannot read the request: ${(error as Error).message}`))
    }
    const model = this.models.find((candidate) => candidate.hash === request.modelHash)
    if (model === undefined) {
      return reply(
        failure('unknown-model', `Worker ${this.config.worker} has no model with hash ${request.modelHash}`),
      )
    }
    if (this.waiting >= this.config.limits.queue) {
      return reply(failure('overloaded', `${this.waiting} requests are waiting already`))
    }
    this.enqueue(model, request, arrivedMs, reply)
  }

  /** One request after the other: the engine is the bottleneck, and the order of arrival is fair. */
  private enqueue(
    model: ServedModel,
    request: RequestFrame,
    arrivedMs: number,
    reply: (frame: Frame) => Promise<void>,
  ): void {
    const expectedMs = model.tailMs.get(request.wound) ?? 0
    this.waiting++
    this.queueMs += expectedMs
    const served = this.tail.then(() => this.serve(model, request, arrivedMs))
    this.tail = served.then(() => {
      this.waiting--
      this.queueMs = this.waiting === 0 ? 0 : Math.max(0, this.queueMs - expectedMs)
    })
    // The next request does not wait for this one's answer to be on its way.
    served.then(reply).catch((error: Error) => this.log('warn', 'a reply was not sent', { error }))
  }

  private async serve(model: ServedModel, request: RequestFrame, arrivedMs: number): Promise<Frame> {
    const queueMs = performance.now() - arrivedMs
    if (queueMs > request.timeLeftMs)
      return failure('expired', `It waited ${Math.round(queueMs)} ms, ${request.timeLeftMs} ms were left`)
    try {
      const reply = await model.finish(request.wound, request.codec, request.parts, this.over.signal)
      return {
        kind: 'result',
        modelHash: request.modelHash,
        wound: request.wound,
        codec: resultCodec,
        queueMs,
        decodeMs: reply.decodeMs,
        tailMs: reply.segmentMs[0]!,
        parts: reply.encoded.map((part, i) => ({ name: String(i), ...part })),
      }
    } catch (error) {
      const { name, message } = error as Error
      this.log('warn', 'a request failed', { wound: request.wound, reason: message })
      if (error instanceof RequestError) return failure(error.code, message)
      // By name: the inference thread's errors come as copies.
      if (name === 'ImageError' || name === 'RangeError') return failure('bad-input', message)
      return failure('internal', message)
    }
  }

  private async reply(topic: string, correlation: Uint8Array, frame: Frame): Promise<void> {
    if (this.session === undefined) return
    await sendFrame(this.session, topic, correlation, encodeFrame(frame), {
      expiryMs: replyTimeoutMs,
      timeoutMs: replyTimeoutMs,
      signal: this.over.signal,
    })
  }
}

function failure(code: FailureCode, message: string): Frame {
  return { kind: 'failure', code, message }
}
