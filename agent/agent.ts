import { AnswerReader } from '../src/answer/answer-reader.ts'
import type { AnswerSpec } from '../src/answer/answer-spec.ts'
import { systemClock } from '../src/async/clock.ts'
import { ReleaseStack } from '../src/async/release-stack.ts'
import { waitAtMost } from '../src/async/wait-at-most.ts'
import { CpuMonitor } from '../src/bandwidth-probe/cpu-monitor.ts'
import { CalendarJob } from '../src/calendar/calendar-job.ts'
import { DashboardServer } from '../src/dashboard/dashboard-server.ts'
import type { EngineState } from '../src/executor/start-with-engine.ts'
import { programVersion } from '../src/files/program-version.ts'
import { announceToHomeAssistant } from '../src/home-assistant/announce.ts'
import { discoveryMessage, discoveryTopic } from '../src/home-assistant/discovery.ts'
import { samplesOf } from '../src/input/read-inputs.ts'
import type { Profile } from '../src/latency-model/profile.ts'
import { logWarningsHere } from '../src/machine/this-machine.ts'
import { collectGarbage } from '../src/memory/collect-garbage.ts'
import { loadLabels } from '../src/model-graph/load-model.ts'
import type { Model } from '../src/model-graph/model.ts'
import { loadChosenModel, randomWeights } from '../src/model-graph/model-choice.ts'
import type { PlanSetup } from '../src/scheduler/planner.ts'
import type { Log } from '../src/telemetry/log.ts'
import { Recorder } from '../src/telemetry/recorder.ts'
import type { RecordListener } from '../src/telemetry/request-record.ts'
import { CertificateWatch } from '../src/transport/certificate-watch.ts'
import { endpointOptions } from '../src/transport/endpoint-config.ts'
import type { IncomingMessage } from '../src/transport/message.ts'
import { MqttSession } from '../src/transport/mqtt-session.ts'
import type { SessionOptions } from '../src/transport/session-options.ts'
import { type DeviceLeaf, deviceTopic } from '../src/transport/topics.ts'
import { TransportError } from '../src/transport/transport-error.ts'
import { agentMetrics } from './agent-metrics.ts'
import type { AgentConfig } from './config.ts'
import { answerTopics, Repetitions } from './correspondence.ts'
import type { EdgeRuntime } from './edge-runtime.ts'
import { Health } from './health.ts'
import { type InputStream, inputStreams } from './input-streams.ts'
import { Mind } from './mind.ts'
import { PlanReport } from './plan-report.ts'
import { publishedResult, RequestIds } from './published-result.ts'
import type { ResultMessage } from './request-message.ts'
import { RequestPipeline } from './request-pipeline.ts'
import { Shown } from './shown.ts'
import { startEdge } from './start-edge.ts'

/** A broker that is there has let the agent in by then. */
const firstConnectionMs = 2000
/** When the agent is stopped: until the broker takes no more inputs for it, */
const unsubscribeMs = 1000
/** what is not answered by then is answered by an error, */
const finishMs = 1000
/** and the answers are to be acknowledged. */
const acknowledgeMs = 2000

/** How often what requests have left behind is freed, when there is nothing else to do. */
const tidyMs = 60_000

/** The daemon: builds everything from its configuration, starts it in order and stops it in the opposite one. */
export class Agent {
  private readonly config: AgentConfig
  private readonly log: Log
  private readonly cpu = new CpuMonitor()
  private readonly stops = new ReleaseStack()
  private starting: Promise<void> | undefined

  constructor(config: AgentConfig, log: Log) {
    this.config = config
    this.log = log
  }

  /** Resolves when requests are answered. The brokers need not be there yet: they are looked for until they are. */
  start(signal?: AbortSignal): Promise<void> {
    this.starting ??= this.open(signal)
    return this.starting
  }

  private async open(signal: AbortSignal | undefined): Promise<void> {
    const { config, log } = this
    log('info', 'starting', { version: programVersion(), ...config.model, engine: config.engine })
    logWarningsHere(config.threads, log)
    const startedMs = performance.now()
    const model = await loadChosenModel(config.model)
    signal?.throwIfAborted()
    const reader = new AnswerReader(model, await loadLabels(config.model.model, model))
    signal?.throwIfAborted()
    const { edge, profile, engine } = await startEdge(config, model, log, signal)
    this.stops.add(() => edge.stop())

    const streams = inputStreams(config)
    let mind: Mind | undefined
    const uplinkBps = () => (mind?.link.kind === 'up' ? mind.link.uplinkBps : undefined)
    const device = this.deviceSession(config.pool === undefined ? uplinkBps : undefined)
    const poolSession = config.pool === undefined ? device : this.poolSession(uplinkBps)

    mind = new Mind({
      ...config,
      clock: systemClock,
      session: poolSession,
      probeTopic: this.topic('probe'),
      modelHash: model.hash,
      inference: edge.inference,
      outputShapes: edge.outputShapes,
      setup: planSetup(config, model, edge, profile, reader.spec),
      streams,
      log,
    })
    const { answerer } = mind
    await mind.start()
    this.stops.add(() => mind.stop())
    signal?.throwIfAborted()
    this.cpu.start()
    this.stops.add(() => this.cpu.stop())

    const planReport = new PlanReport({
      session: device,
      topic: this.topic('plan'),
      report: () => answerer.report(),
      log,
    })
    const certificates = new CertificateWatch([config.mqtt, config.pool ?? {}])
    const shown = new Shown({
      ...config,
      model,
      engine,
      edge,
      mind,
      cpu: this.cpu,
      inWork: () => pipeline.inWork,
      explanation: () => planReport.latest?.explanation ?? [],
      sessions: config.pool === undefined ? { mqtt: device } : { mqtt: device, pool: poolSession },
      certificateDays: () => certificates.days,
    })
    const listeners: RecordListener[] = [(record) => shown.record(record)]
    if (config.records !== undefined) {
      const recorder = new Recorder({ ...config.records, log })
      this.stops.add(() => recorder.stop())
      listeners.push((record) => recorder.record(record))
    }
    const holdsHeadAlone = edge.fixedWound !== undefined
    const onRecord: RecordListener = (record) => {
      for (const listener of listeners) listener(record)
    }
    const pipeline = new RequestPipeline({
      config,
      holdsHeadAlone,
      model,
      reader,
      answerer,
      edge: mind.edge,
      streams,
      onRecord,
      log,
    })
    this.stops.add(() => pipeline.stop())
    await this.show(shown, device, model)
    planReport.start()
    this.stops.add(() => planReport.stop())
    signal?.throwIfAborted()
    this.scheduleReprofiling(edge, (fresh) => {
      mind.setup = planSetup(config, model, edge, fresh, reader.spec)
    })
    const tidying = setInterval(() => pipeline.idle && collectGarbage(), tidyMs)
    this.stops.add(() => clearInterval(tidying))

    await pipeline.warmUp()
    signal?.throwIfAborted()
    const repetitions = new Repetitions()
    const ids = new RequestIds(Date.now())
    const answer = async (stream: InputStream, message: IncomingMessage) => {
      const { topic, payload, contentType, expirySeconds, retain } = message
      // An empty message that is to be kept only drops the one that was.
      if ((retain && payload.length === 0) || repetitions.isRepetition(message)) return
      const source = stream.sourceOf(topic)
      const timeLeftMs = Math.min(stream.deadlineMs, 1000 * (expirySeconds ?? Number.POSITIVE_INFINITY))
      const request = { id: ids.idOf(message), stream: stream.name, source, contentType, timeLeftMs }
      const windows = samplesOf({ payload, contentType }, model.manifest)
      for (const [window, sample] of windows.entries()) {
        const result = await pipeline.answer({ ...request, payload: sample })
        if (result.ok || result.error.code !== 'shed' || stream.shedReplies)
          await this.publishResult(device, message, windows.length === 1 ? result : { ...result, window })
      }
      // Who holds the head alone has little memory: the picture, its tensor and the frame are freed at once.
      if (holdsHeadAlone && pipeline.idle) collectGarbage('minor')
    }
    const answering = new Set<Promise<void>>()
    const unsubscribes: (() => Promise<void>)[] = []
    for (const stream of streams) {
      const take = (message: IncomingMessage) => {
        const work = answer(stream, message).finally(() => answering.delete(work))
        answering.add(work)
        return work
      }
      const unsubscribe = await device.subscribe(stream.input, take, { isFresh: !config.input.retained })
      unsubscribes.push(unsubscribe)
    }
    this.stops.add(async () => {
      await waitAtMost(unsubscribeMs, Promise.all(unsubscribes.map((unsubscribe) => unsubscribe())))
      await waitAtMost(finishMs, Promise.allSettled(answering))
      pipeline.stop()
      // Each ends with the acknowledgement of its result.
      await waitAtMost(acknowledgeMs, Promise.allSettled(answering))
    })
    // Only now: what the broker has kept comes with the first packets, and would be nobody's.
    device.start()
    if (poolSession !== device) poolSession.start()
    await waitAtMost(
      firstConnectionMs,
      device.whenOnline(signal).catch(() => undefined),
    )
    signal?.throwIfAborted()
    shown.serving()
    collectGarbage()
    this.announceOnline(device, model, engine)
    const seconds = Number(((performance.now() - startedMs) / 1000).toFixed(1))
    log('info', 'ready', { engine: engine.used, topic: this.topic('input'), seconds })
  }

  /**
   * Takes nothing more, finishes what is quick, answers the rest by an error and waits for the acknowledgements; each for
   * a bounded time. Safe to repeat.
   */
  async stop(): Promise<void> {
    await this.starting?.catch(() => undefined)
    await this.stops.releaseAll()
    this.starting = undefined
  }

  private topic(leaf: DeviceLeaf): string {
    return deviceTopic(this.config.device, leaf, this.config.topicPrefix)
  }

  private deviceSession(uplinkBps: SessionOptions['uplinkBps'] = () => undefined): MqttSession {
    const { config } = this
    const offline = {
      topic: this.topic('state'),
      payload: JSON.stringify({ state: 'offline' }),
      retain: true,
    }
    const session = new MqttSession({
      ...endpointOptions(config.mqtt),
      clientId: `${config.topicPrefix}-${config.device}`,
      will: offline,
      offlineMessage: offline,
      uplinkBps,
      // Inputs that come while it reconnects are kept, for as long as their answers are worth something.
      sessionExpirySeconds: Math.ceil(config.limits.requestMs / 1000),
      log: this.log,
    })
    this.stops.add(() => session.stop())
    return session
  }

  private poolSession(uplinkBps: NonNullable<SessionOptions['uplinkBps']>): MqttSession {
    const { config } = this
    const session = new MqttSession({
      ...endpointOptions(config.pool!),
      clientId: `${config.topicPrefix}-${config.device}-pool`,
      uplinkBps,
      log: this.log,
    })
    this.stops.add(() => session.stop())
    return session
  }

  /** Starts what shows the agent to others: metrics, dashboard, Home Assistant. None of it is needed to answer. */
  private async show(shown: Shown, session: MqttSession, { manifest }: Model): Promise<void> {
    const { device, dashboard, homeAssistant } = this.config
    shown.start()
    this.stops.add(() => shown.stop())
    const health = new Health({ session, topic: this.topic('metrics'), figures: () => shown.figures() })
    health.start()
    this.stops.add(() => health.stop())
    if (dashboard !== false) {
      const server = new DashboardServer(dashboard, shown)
      this.stops.add(() => server.stop())
      await server.start().then(
        (url) => this.log('info', 'the dashboard is served', { url }),
        (error: Error) => this.log('warn', 'there is no dashboard', { error }),
      )
    }
    if (homeAssistant === undefined) return
    const topics = {
      state: this.topic('state'),
      metrics: this.topic('metrics'),
      result: this.topic('result'),
    }
    const discovered = {
      device,
      version: shown.version,
      model: manifest.name,
      topics,
      streams: (this.config.streams ?? []).map(({ name }) => name),
    }
    await announceToHomeAssistant({
      session,
      prefix: homeAssistant.prefix,
      topic: discoveryTopic(homeAssistant.prefix, device),
      message: discoveryMessage(discovered, agentMetrics),
      log: this.log,
    }).then(
      (end) => this.stops.add(end),
      (error: Error) => this.log('warn', 'Home Assistant is not listened to', { error }),
    )
  }

  /** Only once requests are really answered, and again after every reconnection. */
  private announceOnline(session: MqttSession, model: Model, engine: EngineState): void {
    const payload = JSON.stringify({
      state: 'online',
      model: model.manifest.name,
      hash: model.hash,
      weights: this.config.model.weights === randomWeights ? randomWeights : undefined,
      engine: engine.used,
      engineConfigured: engine.configured,
      engineReason: engine.reason,
    })
    const announce = () => {
      // Who may not read inputs answers none; the session has logged it.
      const { state } = session
      if (state.kind !== 'online' || inputStreams(this.config).every(({ input }) => state.refused.has(input)))
        return
      session
        .publish(this.topic('state'), payload, { qos: 1, retain: true, timeoutMs: 10_000 })
        .catch((error: Error) => this.log('warn', 'the online state was not published', { error }))
    }
    this.stops.add(session.onState(announce))
    announce()
  }

  private scheduleReprofiling(edge: EdgeRuntime, onProfile: (profile: Profile) => void): void {
    const job = new CalendarJob({
      expression: this.config.reprofile,
      run: async () => {
        try {
          onProfile(await edge.measure())
          this.log('info', 'profiled this machine anew')
        } catch (error) {
          this.log('warn', 'the profile was not renewed', { error })
        }
      },
    })
    job.start()
    this.stops.add(() => job.stop())
  }

  private async publishResult(
    session: MqttSession,
    message: IncomingMessage,
    result: ResultMessage,
  ): Promise<void> {
    const { correlationData, responseTopic } = message
    const { source } = result
    const own = source === undefined ? this.topic('result') : `${this.topic('result')}/${source}`
    const correlation = correlationData === undefined ? {} : { correlationData }
    const { requestMs: timeoutMs } = this.config.limits
    const options = { qos: 1, kind: 'result', timeoutMs, ...correlation } as const
    const text = publishedResult(result, this.config.device, Date.now())
    for (const topic of answerTopics(own, responseTopic)) {
      try {
        await session.publish(topic, text, options)
        return
      } catch (error) {
        this.log('warn', 'a result was not published', { id: result.id, topic, error })
        if (!(error instanceof TransportError && error.code === 'refused')) return
      }
    }
  }
}

function planSetup(
  config: AgentConfig,
  model: Model,
  edge: EdgeRuntime,
  profile: Profile,
  answer: AnswerSpec | undefined,
): PlanSetup {
  const { uplinkBytesPerDay, edgeShare, joulesPerDay, power } = config.limits
  return {
    graph: model.graph,
    chain: edge.chain,
    profile,
    policy: config.policy,
    wound: edge.fixedWound,
    codecs: edge.codecs,
    resume: config.resume,
    budgets: { uplinkBytesPerDay, edgeShare, joulesPerDay, power },
    excluded: edge.excluded,
    answer,
  }
}
