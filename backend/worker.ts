import { systemClock } from '../src/async/clock.ts'
import { linkedAbort } from '../src/async/linked-abort.ts'
import { waitAtMost } from '../src/async/wait-at-most.ts'
import { ConfigError } from '../src/config/load-config.ts'
import { programVersion } from '../src/files/program-version.ts'
import { logWarningsHere } from '../src/machine/this-machine.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { Announcement } from '../src/transport/announcement.ts'
import { ChunkAssembler } from '../src/transport/chunk-assembler.ts'
import { ChunkError } from '../src/transport/chunks.ts'
import { endpointOptions } from '../src/transport/endpoint-config.ts'
import { decodeFrame, encodeFrame, readRequestHead } from '../src/transport/frame.ts'
import { type Frame, isRequestId } from '../src/transport/frame-content.ts'
import { defaultFrameLimits } from '../src/transport/frame-limits.ts'
import type { IncomingMessage } from '../src/transport/message.ts'
import { MqttSession } from '../src/transport/mqtt-session.ts'
import type { SessionState } from '../src/transport/session-options.ts'
import { workerTopic } from '../src/transport/topics.ts'
import { sendFrame } from '../src/transport/transfer.ts'
import { Announcer } from './announcer.ts'
import type { WorkerConfig } from './config.ts'
import { MetricsServer, type WorkerFigures } from './metrics-server.ts'
import { RequestError } from './prepare-request.ts'
import { requirePossible } from './require-possible.ts'
import { ServedModel } from './served-model.ts'
import { queueLimits, Serving } from './serving.ts'

/** How often a changed load is announced at most. */
const announceMs = 1000
const replyTimeoutMs = 30_000
/** What waits longer when the worker is stopped is answered by an error. */
const finishMs = 1000
/** Of the last answers, when the worker is stopped. */
const acknowledgeMs = 1000
const unsubscribeMs = 1000

/** Longer than a run may take. */
const hangMs = 120_000

/** Characters of an announced reason. */
const longestReason = 500

type LeftOut = Announcement['leftOut'][number]

/** What there is while the worker serves. */
interface Service {
  readonly models: readonly ServedModel[]
  readonly serving: Serving
  readonly announcer: Announcer
  readonly assembler: ChunkAssembler
  readonly session: MqttSession
  readonly timer: NodeJS.Timeout
  readonly metrics: MetricsServer | undefined
  /** Takes no more requests. */
  unsubscribe(): Promise<void>
}

/**
 * A pool member: takes requests on its own topic, has them finished and answers on the topic each names. It announces
 * itself with what it expects of itself, again and again, so that an announcement that has become old is nobody's.
 */
export class BackendWorker {
  private readonly config: WorkerConfig
  private readonly log: Log
  private readonly over = new AbortController()
  private readonly replies = new Set<Promise<void>>()
  private readonly ending = new AbortController()
  private starting: Promise<void> | undefined
  private readonly started: ServedModel[] = []
  private service: Service | undefined
  private stopping = false
  /** When nothing was here, or something was answered, last. */
  private movedAtMs = performance.now()

  constructor(config: WorkerConfig, log: Log) {
    this.config = config
    this.log = log
  }

  /**
   * Resolves when the models are loaded and the broker is looked for.
   * @param signal Gives up, as {@link stop} does, as soon as it can; what is acquired is for `stop` to release.
   */
  async start(signal?: AbortSignal): Promise<void> {
    const life = linkedAbort(this.ending.signal, ...(signal === undefined ? [] : [signal]))
    this.starting = this.open(life.signal).finally(life.release)
    await this.starting
  }

  private async open(signal: AbortSignal): Promise<void> {
    const { config, log } = this
    log('info', 'starting', { version: programVersion(), models: config.models.map(({ model }) => model) })
    logWarningsHere(config.threads, log)
    const { models, leftOut } = await this.startModels(signal)
    signal.throwIfAborted()
    const { limits, mqtt, topicPrefix, worker } = config
    const gone = { topic: this.stateTopic, payload: '', retain: true }
    const session = new MqttSession({
      ...endpointOptions(mqtt),
      clientId: `${topicPrefix}-worker-${worker}`,
      will: gone,
      offlineMessage: gone,
      log,
    })
    const serving = new Serving({
      servers: models,
      limits: queueLimits(limits),
      clock: systemClock,
      log,
    })
    const maxTransferBytes = Math.min(defaultFrameLimits.maxBytes, limits.queueBytes)
    const assembler = new ChunkAssembler(
      { maxTransferBytes, maxBufferedBytes: limits.queueBytes },
      (head, totalBytes) => requirePossible(models, readRequestHead(head), totalBytes),
    )
    const timer = setInterval(() => {
      if (serving.bytes === 0) this.movedAtMs = performance.now()
      this.announce()
      assembler.expire(performance.now())
    }, announceMs)
    let end = () => Promise.resolve()
    const unsubscribe = () => end()
    const metrics =
      config.metrics &&
      new MetricsServer(config.metrics, worker, () => this.figures(models, serving, session))
    const announcer = new Announcer({ session, topic: this.stateTopic, models, leftOut, serving, log })
    this.service = { models, serving, announcer, assembler, session, timer, metrics, unsubscribe }
    const url = await metrics?.start()
    if (url !== undefined) log('info', 'metrics are told', { url })
    session.onState((state) => {
      if (state.kind !== 'online') return
      announcer.forget()
      this.announce()
    })
    session.start()
    end = await session.subscribe(this.requestTopic, (message) => this.onMessage(message))
    log('info', 'ready', { models: models.map(({ name, engine }) => `${name} on ${engine.used}`) })
  }

  /**
   * Announces that it takes nothing more, answers what is here, waits for the acknowledgements and clears its
   * announcement; each for a bounded time. A start that is under way is given up. Safe to repeat.
   */
  async stop(): Promise<void> {
    this.ending.abort(new Error('The worker is stopping'))
    await this.starting?.catch(() => undefined)
    if (this.service !== undefined) await this.stopServing(this.service)
    this.service = undefined
    for (const model of this.started.splice(0)) await model.stop()
  }

  /** False where requests are here and none was answered for so long that something hangs. */
  isProgressing(): boolean {
    return this.service === undefined || performance.now() - this.movedAtMs < hangMs
  }

  private async stopServing(service: Service): Promise<void> {
    const { serving, session, timer, metrics } = service
    this.stopping = true
    clearInterval(timer)
    this.announce()
    // What the broker had sent before it knew is here once it has confirmed, and is answered, too.
    await Promise.all([serving.drain(finishMs), waitAtMost(unsubscribeMs, service.unsubscribe())])
    await waitAtMost(acknowledgeMs, Promise.all(this.replies))
    this.over.abort()
    await session.stop()
    await metrics?.stop()
  }

  /** One model that cannot be served does not keep the others from it. @throws {ConfigError} and where none can be. */
  private async startModels(
    signal: AbortSignal,
  ): Promise<{ models: readonly ServedModel[]; leftOut: readonly LeftOut[] }> {
    const { config, log } = this
    const { started: models } = this
    const leftOut: LeftOut[] = []
    for (const choice of config.models) {
      const model = new ServedModel(choice, config, log)
      try {
        await model.start(signal)
        models.push(model)
      } catch (error) {
        await model.stop()
        signal.throwIfAborted()
        if (error instanceof ConfigError) throw error
        leftOut.push({ model: choice.model, reason: (error as Error).message.slice(0, longestReason) })
        log('error', 'a model is left out', { model: choice.model, error })
      }
    }
    if (models.length > 0) return { models, leftOut }
    const reasons = leftOut.map(({ model, reason }) => `${model}: ${reason}`)
    throw new Error(`Cannot serve: one model at least must be usable (${reasons.join('; ')})`)
  }

  private figures(models: readonly ServedModel[], serving: Serving, { state }: MqttSession): WorkerFigures {
    return {
      isOnline: !this.stopping && this.isTaking(state),
      queueMs: Math.max(...models.map(({ hash }) => serving.waitMs(hash))),
      waitingBytes: serving.bytes,
      models: models.length,
    }
  }

  /** Who may not read requests would be a black hole to whoever believes its announcement. */
  private isTaking(state: SessionState): boolean {
    return state.kind === 'online' && !state.refused.has(this.requestTopic)
  }

  private get stateTopic(): string {
    return workerTopic(this.config.worker, 'state', this.config.topicPrefix)
  }

  private get requestTopic(): string {
    return workerTopic(this.config.worker, 'request', this.config.topicPrefix)
  }

  private announce(): void {
    const { service } = this
    if (service !== undefined && this.isTaking(service.session.state))
      service.announcer.announce(this.stopping)
  }

  private async onMessage({ correlationData, responseTopic, payload }: IncomingMessage): Promise<void> {
    const { service } = this
    if (service === undefined) return
    if (!isRequestId(correlationData)) {
      this.log(
        'warn',
        'dropped a message: it needs 8 to 16 bytes of correlation data, which MQTT 3.1.1 does not carry',
      )
      return
    }
    const { assembler, serving } = service
    const key = Buffer.from(correlationData).toString('hex')
    const reply = (frame: Frame) => {
      if (responseTopic !== undefined) this.reply(service.session, responseTopic, correlationData, frame)
    }
    const nowMs = performance.now()
    let frame: Frame
    try {
      const bytes = assembler.accept(key, payload, nowMs, responseTopic)
      if (bytes === undefined) return
      frame = decodeFrame(bytes)
    } catch (error) {
      // Of a transfer that is too large nothing more is looked at.
      if (error instanceof ChunkError && error.code === 'limit') assembler.giveUp(key, nowMs)
      const code = error instanceof RequestError ? error.code : 'bad-frame'
      return reply(failure(code, `Cannot read the request: ${(error as Error).message}`))
    }
    if (frame.kind === 'cancel') {
      assembler.giveUp(frame.request, nowMs)
      return serving.cancel(frame.request)
    }
    if (frame.kind === 'describe') return reply(await this.described(service, frame.model))
    if (frame.kind !== 'request')
      return reply(failure('bad-frame', `Cannot serve: kind must be request, current value is ${frame.kind}`))
    if (responseTopic === undefined) {
      this.log('warn', 'dropped a request: it needs a response topic, which MQTT 3.1.1 does not carry')
      return
    }
    await serving.accept({ key, sender: responseTopic, frame, reply })
  }

  private async described({ models }: Service, hash: string): Promise<Frame> {
    const model = models.find((each) => each.hash.startsWith(hash))
    if (model === undefined) return failure('unknown-model', `There is no model with hash ${hash} here`)
    try {
      return { kind: 'description', card: await model.card() }
    } catch (error) {
      return failure('internal', (error as Error).message)
    }
  }

  /** The next request does not wait for this one's answer to be on its way. */
  private reply(session: MqttSession, topic: string, correlation: Uint8Array, frame: Frame): void {
    const send = async () =>
      sendFrame(session, topic, correlation, encodeFrame(frame), {
        expiryMs: replyTimeoutMs,
        timeoutMs: replyTimeoutMs,
        signal: this.over.signal,
      })
    const sending = send().then(
      () => undefined,
      (error: Error) => this.log('warn', 'a reply was not sent', { error }),
    )
    this.movedAtMs = performance.now()
    this.replies.add(sending)
    void sending.finally(() => this.replies.delete(sending))
  }
}

function failure(code: RequestError['code'] | 'bad-frame' | 'internal', message: string): Frame {
  return { kind: 'failure', code, message }
}
