import { ConfigError } from '../src/config/load-config.ts'
import { randomWeights } from '../src/model-graph/model-choice.ts'
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
import { resultCodec } from './measure-tails.ts'
import { type PreparedRequest, RequestError } from './prepare-request.ts'
import { ServedModel } from './served-model.ts'

/** How often a changed load is announced at most. */
const announceMs = 1000
const replyTimeoutMs = 30_000

/** Characters of an announced reason. */
const longestReason = 500

type RequestFrame = Extract<Frame, { kind: 'request' }>
type FailureCode = Exclude<Extract<Frame, { kind: 'failure' }>['code'], 'overloaded'>

/** A request that waits for the engine. */
interface Pending {
  readonly model: ServedModel
  readonly request: RequestFrame
  readonly arrivedMs: number
  readonly reply: (frame: Frame) => Promise<void>
}

/** A pool member: takes requests on its own topic, finishes them in order and answers on the topic each names. */
export class BackendWorker {
  private readonly config: WorkerConfig
  private readonly log: Log
  /** Those that could be started. */
  private models: readonly ServedModel[] = []
  private leftOut: readonly { readonly model: string; readonly reason: string }[] = []
  private readonly assembler = new ChunkAssembler()
  private readonly over = new AbortController()
  private session: MqttSession | undefined
  private timer: NodeJS.Timeout | undefined
  private announcedText = ''
  /** In order of arrival. */
  private waiting: readonly Pending[] = []
  private serving: readonly Pending[] = []
  private busy = false

  constructor(config: WorkerConfig, log: Log) {
    this.config = config
    this.log = log
  }

  /** Resolves when the models are loaded and the broker is looked for. */
  async start(): Promise<void> {
    const { config } = this
    await this.startModels()
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

  /** One model that cannot be served does not keep the others from it. @throws {ConfigError} and where none can be. */
  private async startModels(): Promise<void> {
    const { config, log } = this
    for (const choice of config.models) {
      const model = new ServedModel(choice, config, log)
      try {
        await model.start()
        this.models = [...this.models, model]
      } catch (error) {
        await model.stop()
        if (error instanceof ConfigError) throw error
        const reason = (error as Error).message.slice(0, longestReason)
        this.leftOut = [...this.leftOut, { model: choice.model, reason }]
        log('error', 'a model is left out', { model: choice.model, error })
      }
    }
    if (this.models.length > 0) return
    const reasons = this.leftOut.map(({ model, reason }) => `${model}: ${reason}`)
    throw new Error(`Cannot serve: one model at least must be usable (${reasons.join('; ')})`)
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
        ...(model.choice.weights === randomWeights && { weights: randomWeights }),
        engine: model.engine,
        wounds: [...model.tails.keys()].map((id) => ({ id, tailMs: model.tailMs(id) })),
        pictureMs: model.pictureMs,
      })),
      leftOut: [...this.leftOut],
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
    if (this.waiting.length >= this.config.limits.queue) {
      return reply({
        kind: 'failure',
        code: 'overloaded',
        waitMs: this.queueMs,
        message: `${this.waiting.length} requests are waiting already`,
      })
    }
    this.enqueue({ model, request, arrivedMs, reply })
  }

  /** One after the other in order of arrival, which is fair: the engine is the bottleneck. */
  private enqueue(pending: Pending): void {
    this.waiting = [...this.waiting, pending]
    if (!this.busy) void this.serveAll()
  }

  private async serveAll(): Promise<void> {
    this.busy = true
    for (let first = this.waiting[0]; first !== undefined; first = this.waiting[0]) {
      const batch = this.batchWith(first)
      this.waiting = this.waiting.filter((pending) => !batch.includes(pending))
      this.serving = batch
      await this.serve(batch)
    }
    this.serving = []
    this.busy = false
    for (const model of this.models) model.prepareTail()
  }

  /** The first request and those behind it that can share its call. */
  private batchWith(first: Pending): Pending[] {
    const { model, request } = first
    return this.waiting
      .filter((other) => other.model === model && other.request.wound === request.wound)
      .slice(0, model.batchLimit(request.wound))
  }

  private async serve(batch: readonly Pending[]): Promise<void> {
    const beginMs = performance.now()
    const ready: { pending: Pending; prepared: PreparedRequest }[] = []
    for (const pending of batch) {
      const { model, request, arrivedMs } = pending
      const queueMs = beginMs - arrivedMs
      if (queueMs > request.timeLeftMs) {
        const text = `It waited ${Math.round(queueMs)} ms, ${request.timeLeftMs} ms were left`
        this.answer(pending, failure('expired', text))
        continue
      }
      try {
        ready.push({ pending, prepared: await model.prepare(request) })
      } catch (error) {
        this.answer(pending, this.failureOf(error as Error, request))
      }
    }
    if (ready.length === 0) return
    try {
      await this.finish(ready)
    } catch (error) {
      const { model, request } = ready[0]!.pending
      if (ready.length === 1) return this.answer(ready[0]!.pending, this.failureOf(error as Error, request))
      // One member's fault is not the others': each is tried by itself.
      this.log('warn', 'a batch failed, its members are tried singly', { model: model.name, error })
      for (const { pending } of ready) await this.serve([pending])
    }
  }

  private async finish(ready: readonly { pending: Pending; prepared: PreparedRequest }[]): Promise<void> {
    const { model } = ready[0]!.pending
    const finished = await model.finish(
      ready.map(({ prepared }) => prepared),
      this.over.signal,
    )
    for (const [i, { pending }] of ready.entries()) {
      const { encoded, elapsedMs, shareMs } = finished[i]!
      const { decodeMs } = ready[i]!.prepared
      const stayMs = performance.now() - pending.arrivedMs
      this.answer(pending, {
        kind: 'result',
        modelHash: pending.request.modelHash,
        wound: pending.request.wound,
        codec: resultCodec,
        queueMs: Math.max(0, stayMs - decodeMs - elapsedMs),
        decodeMs,
        elapsedMs,
        shareMs,
        parts: encoded.map((part, n) => ({ name: String(n), ...part })),
      })
    }
  }

  private failureOf(error: Error, request: RequestFrame): Frame {
    const { name, message } = error
    this.log('warn', 'a request failed', { wound: request.wound, reason: message })
    if (error instanceof RequestError) return failure(error.code, message)
    if (name === 'OutputError') return failure('bad-output', message)
    // By name: the inference thread's errors come as copies.
    if (name === 'ImageError' || name === 'RangeError') return failure('bad-input', message)
    return failure('internal', message)
  }

  /** The next request does not wait for this one's answer to be on its way. */
  private answer({ reply }: Pending, frame: Frame): void {
    reply(frame).catch((error: Error) => this.log('warn', 'a reply was not sent', { error }))
  }

  /** Milliseconds of work that the requests here are expected to be. */
  private get queueMs(): number {
    return [...this.waiting, ...this.serving].reduce(
      (sum, { model, request }) => sum + model.tailMs(request.wound),
      0,
    )
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
