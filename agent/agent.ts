import { systemClock } from '../src/async/clock.ts'
import { ReleaseStack } from '../src/async/release-stack.ts'
import { waitAtMost } from '../src/async/wait-at-most.ts'
import { mostUplinkBps } from '../src/bandwidth-probe/link-belief.ts'
import { MachineMonitor } from '../src/bandwidth-probe/machine-monitor.ts'
import { programVersion } from '../src/files/program-version.ts'
import { logWarningsHere } from '../src/machine/this-machine.ts'
import { collectGarbage, tidyWhenIdle } from '../src/memory/collect-garbage.ts'
import type { Log } from '../src/telemetry/log.ts'
import { Recorder } from '../src/telemetry/recorder.ts'
import type { RecordListener } from '../src/telemetry/request-record.ts'
import { CertificateWatch } from '../src/transport/certificate-watch.ts'
import { endpointOptions } from '../src/transport/endpoint-config.ts'
import { MqttSession } from '../src/transport/mqtt-session.ts'
import type { SessionOptions } from '../src/transport/session-options.ts'
import { type DeviceLeaf, deviceTopic } from '../src/transport/topics.ts'
import { Appearance } from './appearance.ts'
import { askCard } from './ask-card.ts'
import type { AgentConfig } from './config.ts'
import { remoteModel } from './edge-model.ts'
import { modelsOf, startModels } from './edge-models.ts'
import { Inbox } from './inbox.ts'
import { inputStreams, mixStreams } from './input-streams.ts'
import { LargerModels } from './larger-models.ts'
import { Mind } from './mind.ts'
import { PlanReport } from './plan-report.ts'
import { Presence } from './presence.ts'
import { Reprofiling } from './reprofiling.ts'
import { RequestPipeline } from './request-pipeline.ts'
import { ResultPublisher } from './result-publisher.ts'
import { Shown } from './shown.ts'

/** A broker that is there has let the agent in by then. */
const firstConnectionMs = 2000

/** A request is answered by an error after `limits.requestMs`: one that is there for so many times that hangs. */
const hangFactor = 2

/** The daemon: builds everything from its configuration, starts it in order and stops it in the opposite one. */
export class Agent {
  private readonly config: AgentConfig
  private readonly log: Log
  private readonly machine = new MachineMonitor()
  private readonly stops = new ReleaseStack()
  private starting: Promise<void> | undefined
  private serving:
    | {
        readonly pipeline: RequestPipeline
        readonly appearance: Appearance
        readonly reprofiling: Reprofiling
      }
    | undefined

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
    const streams = inputStreams(config)
    const served = await startModels(config, streams, this.stops, log, signal)
    const models = modelsOf(served)

    let mind: Mind | undefined
    const uplinkBps = () => mostUplinkBps(mind?.link)
    const device = this.deviceSession(config.pool === undefined ? uplinkBps : undefined)
    const poolSession = config.pool === undefined ? device : this.poolSession(uplinkBps)
    mind = new Mind({
      ...config,
      clock: systemClock,
      session: poolSession,
      probeTopic: this.topic('probe'),
      models: models.map(({ hash, edge, setup }) => ({ modelHash: hash, ...edge.computing, setup })),
      askedElsewhere: new Set(
        streams.flatMap(({ cascade }) => (cascade === undefined ? [] : [cascade.model])),
      ),
      streams: mixStreams(streams),
      log,
    })
    await mind.start()
    this.stops.add(() => mind.stop())
    signal?.throwIfAborted()
    this.machine.start()
    this.stops.add(() => this.machine.stop())

    const larger = new LargerModels({
      workers: () => mind.of(models[0]!.hash).allWorkers,
      askCard: (worker, hash) =>
        askCard({ ...config, session: poolSession, worker, hash, timeoutMs: config.limits.requestMs }),
      start: async (card) => {
        const model = await remoteModel(config, card, log)
        this.stops.add(() => model.edge.stop())
        await mind.add({ modelHash: model.hash, ...model.edge.computing, setup: model.setup })
        return model
      },
      now: () => systemClock.now(),
      log,
    })
    const planReport = new PlanReport({
      session: device,
      topic: this.topic('plan'),
      report: () => mind.report(),
      log,
    })
    const certificates = new CertificateWatch([config.mqtt, config.pool ?? {}])
    const shown = new Shown({
      ...config,
      models,
      larger: () => larger.known,
      mind,
      machine: this.machine,
      inWork: () => pipeline.inWork,
      explanation: () => planReport.latest?.explanation ?? [],
      sessions: config.pool === undefined ? { mqtt: device } : { mqtt: device, pool: poolSession },
      certificateDays: () => certificates.days,
    })
    const listeners = [(record) => shown.record(record), ...this.recorders()] satisfies RecordListener[]
    const onRecord: RecordListener = (record) => {
      for (const listener of listeners) listener(record)
    }
    const pipeline = new RequestPipeline({
      config,
      streams: served,
      larger: (name) => larger.get(name),
      mind,
      onRecord,
      log,
    })
    this.stops.add(() => pipeline.stop())
    const named = models.map(({ name }) => name).join(', ')
    const appearance = new Appearance({ config, shown, session: device, models: named, log })
    await appearance.start()
    this.stops.add(() => appearance.stop())
    planReport.start()
    this.stops.add(() => planReport.stop())
    signal?.throwIfAborted()
    const reprofiling = new Reprofiling(models, mind, log)
    reprofiling.start(config.reprofile)
    this.stops.add(() => reprofiling.stop())
    this.stops.add(tidyWhenIdle(() => pipeline.idle))

    await pipeline.warmUp()
    signal?.throwIfAborted()
    const { limits, input } = config
    // Who holds the head alone has little memory: the picture, its tensor and the frame are freed at once.
    const isSmall = models.every(({ holdsHeadAlone }) => holdsHeadAlone)
    const manifests = new Map(served.map(({ name, model }) => [name, model.model.manifest]))
    const inbox = new Inbox({
      session: device,
      streams,
      manifestOf: (stream) => manifests.get(stream)!,
      pipeline,
      results: new ResultPublisher({
        session: device,
        topic: this.topic('result'),
        device: config.device,
        timeoutMs: limits.requestMs,
        log,
      }),
      takesRetained: input.retained,
      onAnswered: () => isSmall && pipeline.idle && collectGarbage('minor'),
    })
    await inbox.start()
    this.stops.add(() => inbox.stop())
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
    const inputs = streams.map((stream) => stream.input)
    const presence = new Presence({ session: device, topic: this.topic('state'), models, inputs, log })
    presence.start()
    this.stops.add(() => presence.stop())
    const seconds = Number(((performance.now() - startedMs) / 1000).toFixed(1))
    this.serving = { pipeline, appearance, reprofiling }
    log('info', 'ready', { engine: models[0]!.engine.used, topic: this.topic('input'), seconds })
  }

  /**
   * Takes nothing more, finishes what is quick, answers the rest by an error and waits for the acknowledgements; each for
   * a bounded time. Safe to repeat.
   */
  async stop(): Promise<void> {
    await this.starting?.catch(() => undefined)
    this.serving = undefined
    await this.stops.releaseAll()
    this.starting = undefined
  }

  /**
   * Swaps what can be swapped while it serves, and says the keys of it. Passwords and certificates in files need none of
   * this: they are read at each attempt to connect.
   */
  async reload({ dashboard, reprofile }: AgentConfig): Promise<readonly string[]> {
    const { serving } = this
    if (serving === undefined) throw new Error('Cannot reload: the agent must be serving')
    serving.reprofiling.start(reprofile)
    await serving.appearance.showOn(dashboard)
    return ['dashboard', 'reprofile']
  }

  /** False where a request has been in work for longer than any may be. */
  isProgressing(): boolean {
    const oldestMs = this.serving?.pipeline.oldestMs ?? 0
    return oldestMs < hangFactor * this.config.limits.requestMs
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
      // Answers go over the other session.
      fillsWhenAlone: true,
      log: this.log,
    })
    this.stops.add(() => session.stop())
    return session
  }

  /** Writes records to a file, where one is configured. */
  private recorders(): RecordListener[] {
    const { records } = this.config
    if (records === undefined) return []
    const recorder = new Recorder({ ...records, log: this.log })
    this.stops.add(() => recorder.stop())
    return [(record) => recorder.record(record)]
  }
}
