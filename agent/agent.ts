import { setTimeout as delay } from 'node:timers/promises'
import { ReleaseStack } from '../src/async/release-stack.ts'
import { CpuMonitor } from '../src/bandwidth-probe/cpu-monitor.ts'
import { LinkMonitor } from '../src/bandwidth-probe/link-monitor.ts'
import { CalendarJob } from '../src/calendar/calendar-job.ts'
import type { EngineState } from '../src/executor/start-with-engine.ts'
import { LiveSlowdown } from '../src/latency-model/live-slowdown.ts'
import { segmentsMs } from '../src/latency-model/profile.ts'
import { collectGarbage } from '../src/memory/collect-garbage.ts'
import { loadLabels } from '../src/model-graph/load-model.ts'
import type { Model } from '../src/model-graph/model.ts'
import { loadChosenModel, randomWeights } from '../src/model-graph/model-choice.ts'
import { Planner } from '../src/scheduler/planner.ts'
import type { Log } from '../src/telemetry/log.ts'
import { endpointOptions } from '../src/transport/endpoint-config.ts'
import type { IncomingMessage } from '../src/transport/message.ts'
import { MqttSession } from '../src/transport/mqtt-session.ts'
import type { SessionOptions } from '../src/transport/session-options.ts'
import { type DeviceLeaf, deviceTopic } from '../src/transport/topics.ts'
import type { AgentConfig } from './config.ts'
import type { EdgeRuntime } from './edge-runtime.ts'
import { Health } from './health.ts'
import type { ResultMessage } from './request-message.ts'
import { RequestPipeline } from './request-pipeline.ts'
import { startEdge } from './start-edge.ts'
import type { Theatre } from './surgery.ts'
import { WorkerPool } from './worker-pool.ts'

/** How often what requests have left behind is freed, when there is nothing else to do. */
const tidyMs = 60_000

/** The daemon: builds everything from its configuration, starts it in order and stops it in the opposite one. */
export class Agent {
  private readonly config: AgentConfig
  private readonly log: Log
  private readonly cpu = new CpuMonitor()
  private readonly stops = new ReleaseStack()
  private starting: Promise<void> | undefined
  private nextId = 0

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
    const model = await loadChosenModel(config.model)
    signal?.throwIfAborted()
    const labels = await loadLabels(config.model.model, model.manifest)
    signal?.throwIfAborted()
    const { edge, profile, engine } = await startEdge(config, model, log, signal)
    this.stops.add(() => edge.stop())

    let believed: LinkMonitor | undefined
    const uplinkBps = () => {
      const state = believed?.state
      return state?.kind === 'up' ? state.uplinkBps : undefined
    }
    const device = this.deviceSession(config.pool === undefined ? uplinkBps : undefined)
    const poolSession = config.pool === undefined ? device : this.poolSession(uplinkBps)
    device.start(signal)
    if (poolSession !== device) poolSession.start(signal)

    const link = new LinkMonitor({
      session: poolSession,
      probeTopic: this.topic('probe'),
      staleMs: config.probe.staleMs,
      probeBytes: config.probe.bytes,
    })
    believed = link
    const pool = new WorkerPool({
      session: poolSession,
      topicPrefix: config.topicPrefix,
      device: config.device,
      modelHash: model.hash,
      now: () => performance.now(),
      log,
      onDownlink: (bytes, ms) => link.observeDownlink(bytes, ms),
    })
    if (config.policy !== 'local') {
      link.start()
      this.stops.add(() => link.stop())
      await pool.start()
      signal?.throwIfAborted()
    }
    this.cpu.start()
    this.stops.add(() => this.cpu.stop())

    const slowdown = new LiveSlowdown()
    const planner = new Planner(
      {
        graph: model.graph,
        chain: edge.chain,
        policy: config.policy,
        wound: edge.fixedWound,
        codecs: edge.codecs,
        link,
        pool,
        edge: slowdown,
        resume: config.resume,
      },
      profile,
    )
    const health = new Health({
      session: device,
      topic: this.topic('metrics'),
      cpu: this.cpu,
      link,
      edgeFactor: () => slowdown.factor,
      engineRestarts: () => edge.inference.restarts,
      engine,
      compiledInMemory: () => edge.compiledInMemory,
    })
    health.start()
    this.stops.add(() => health.stop())

    const theatre: Theatre = {
      inference: edge.inference,
      chain: edge.chain,
      pool,
      outputShapes: edge.outputShapes,
      now: () => performance.now(),
      onEdgeRun: (from, to, ms) => slowdown.observe(ms, segmentsMs(planner.profile, from, to)),
      pause: (ms, signal) => delay(Math.max(0, ms), undefined, { signal }).catch(() => undefined),
    }
    const { fixedWound } = edge
    const pipeline = new RequestPipeline({ config, fixedWound, model, labels, planner, theatre, log })
    this.stops.add(() => pipeline.stop())
    this.scheduleReprofiling(edge, planner)
    const tidying = setInterval(() => pipeline.idle && collectGarbage(), tidyMs)
    this.stops.add(() => clearInterval(tidying))

    await pipeline.warmUp()
    signal?.throwIfAborted()
    await device.subscribe(this.topic('input'), async (message) => {
      const result = await pipeline.answer(this.idOf(message), message.payload)
      if (result.ok) {
        health.answered++
        health.sentBytes += result.bytes
        if (result.finishedAt === 'worker') health.finishedAtWorker++
      } else health.failed++
      await this.publishResult(device, message, result)
      // Who holds the head alone has little memory: the picture, its tensor and the frame are freed at once.
      if (fixedWound !== undefined && pipeline.idle) collectGarbage('minor')
    })
    signal?.throwIfAborted()
    health.serving()
    collectGarbage()
    this.announceOnline(device, model, engine)
  }

  /** Safe to repeat. Requests in work are given up; their senders may not hear of it, as nothing waits for the broker. */
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
      session
        .publish(this.topic('state'), payload, { qos: 1, retain: true, timeoutMs: 10_000 })
        .catch((error: Error) => this.log('warn', 'the online state was not published', { error }))
    }
    this.stops.add(session.onState((state) => state.kind === 'online' && announce()))
    if (session.state.kind === 'online') announce()
  }

  private scheduleReprofiling(edge: EdgeRuntime, planner: Planner): void {
    const job = new CalendarJob({
      expression: this.config.reprofile,
      run: async () => {
        try {
          planner.profile = await edge.measure()
          this.log('info', 'profiled this machine anew')
        } catch (error) {
          this.log('warn', 'the profile was not renewed', { error })
        }
      },
    })
    job.start()
    this.stops.add(() => job.stop())
  }

  private idOf(message: IncomingMessage): string {
    const { correlationData } = message
    return correlationData === undefined ? `n${this.nextId++}` : Buffer.from(correlationData).toString('hex')
  }

  private async publishResult(
    session: MqttSession,
    message: IncomingMessage,
    result: ResultMessage,
  ): Promise<void> {
    const { correlationData, responseTopic } = message
    const topic = responseTopic ?? this.topic('result')
    const correlation = correlationData === undefined ? {} : { correlationData }
    try {
      const { requestMs: timeoutMs } = this.config.limits
      await session.publish(topic, JSON.stringify(result), {
        qos: 1,
        kind: 'result',
        timeoutMs,
        ...correlation,
      })
    } catch (error) {
      this.log('warn', 'a result was not published', { id: result.id, error })
    }
  }
}
