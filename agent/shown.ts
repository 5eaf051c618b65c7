import { type Clock, systemClock } from '../src/async/clock.ts'
import type { MachineMonitor } from '../src/bandwidth-probe/machine-monitor.ts'
import type { DashboardSource } from '../src/dashboard/dashboard-server.ts'
import { type LiveState, liveRequests, liveWounds } from '../src/dashboard/live-state.ts'
import { programVersion } from '../src/files/program-version.ts'
import { fastestWhole, headMs } from '../src/latency-model/profile.ts'
import { EventLoopDelay } from '../src/telemetry/event-loop-delay.ts'
import { metricValues } from '../src/telemetry/metric.ts'
import { prometheusContentType, prometheusText } from '../src/telemetry/prometheus-text.ts'
import type { RequestRecord } from '../src/telemetry/request-record.ts'
import { StreamRates } from '../src/telemetry/stream-rates.ts'
import type { MqttSession } from '../src/transport/mqtt-session.ts'
import { type AgentFigures, agentMetrics } from './agent-metrics.ts'
import type { EdgeModel } from './edge-model.ts'
import type { Mind } from './mind.ts'
import { RequestTally } from './request-tally.ts'

export interface ShownOptions {
  readonly device: string
  /** The one that the configuration names first is the first; at least one. */
  readonly models: readonly EdgeModel[]
  /** Those that only workers hold, as far as they are known. */
  readonly larger: () => readonly EdgeModel[]
  readonly mind: Mind
  readonly machine: MachineMonitor
  readonly inWork: () => number
  /** By what the streams are answered, in words. */
  readonly explanation: () => readonly string[]
  /** With the brokers, by the names of the configuration. */
  readonly sessions: Readonly<Record<string, Pick<MqttSession, 'state' | 'url' | 'traffic'>>>
  /** Days until the first certificate ends. */
  readonly certificateDays: () => number | undefined
  readonly clock?: Clock
}

/** Everything that the agent shows of itself, whoever looks: its figures, and the same for the dashboard. */
export class Shown implements DashboardSource {
  readonly version = programVersion()
  private readonly options: ShownOptions
  private readonly loop = new EventLoopDelay()
  private readonly rates: StreamRates
  /** Of all models, and by name of each. */
  private readonly tally = new RequestTally()
  private readonly tallies = new Map<string, RequestTally>()

  constructor(options: ShownOptions) {
    this.options = options
    this.rates = new StreamRates((options.clock ?? systemClock).now)
  }

  start(): void {
    this.loop.start()
  }

  stop(): void {
    this.loop.stop()
  }

  /** From here on the event-loop delay is that of serving, not of starting. */
  serving(): void {
    this.loop.reset()
  }

  record(record: RequestRecord): void {
    this.tally.record(record)
    this.rates.record(record)
    this.tallyOf(record.model).record(record)
  }

  figures(): AgentFigures {
    return this.figuresOf(this.models, this.tally)
  }

  metrics(): { contentType: string; text: string } {
    const { device } = this.options
    const series = this.models.map((model) => ({
      labels: { device, model: model.name },
      figures: this.figuresOf([model], this.tallyOf(model.name)),
    }))
    return { contentType: prometheusContentType, text: prometheusText(agentMetrics, series) }
  }

  live(): LiveState {
    const { device, mind, sessions, explanation } = this.options
    const { models } = this
    const { link, carrier } = mind
    const over = carrier.now === undefined ? '' : ` over ${carrier.now.linkClass} (${carrier.now.name})`
    return {
      device,
      version: this.version,
      models: models.map(({ name, hash, engine }) => ({
        name,
        hash,
        engine: engine.used,
        engineReason: engine.reason,
      })),
      ts: Date.now(),
      metrics: metricValues(agentMetrics, this.figures()),
      link: link.kind === 'down' ? `down: ${link.reason}` : `${link.kind}${over}`,
      wounds: models.flatMap((model) => this.woundsOf(model)),
      workers: this.workers(),
      connections: Object.entries(sessions).map(([name, { state, url }]) => ({
        name,
        url,
        isOnline: state.kind === 'online',
        reason: 'reason' in state ? state.reason : undefined,
        refused: state.kind === 'online' ? [...state.refused] : [],
      })),
      streams: this.rates.rates,
      explanation: explanation(),
      requests: liveRequests(this.tally.last),
    }
  }

  private get models(): readonly EdgeModel[] {
    return [...this.options.models, ...this.options.larger()]
  }

  private tallyOf(model: string): RequestTally {
    const known = this.tallies.get(model) ?? new RequestTally()
    this.tallies.set(model, known)
    return known
  }

  async graph(): Promise<string> {
    const { graph, manifest } = this.options.models[0]!.model
    // Only where somebody looks: what draws it holds some megabytes.
    const { graphSvg } = await import('../src/graph-picture/render-picture.ts')
    return graphSvg(graph, { folded: true, title: manifest.name })
  }

  private figuresOf(models: readonly EdgeModel[], tally: RequestTally): AgentFigures {
    const { mind, machine, inWork, certificateDays, sessions, clock = systemClock } = this.options
    const traffic = Object.values(sessions).map((session) => session.traffic())
    const minds = models.map(({ hash }) => mind.of(hash))
    return {
      tally,
      link: mind.link,
      wireSentBytes: traffic.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
      wireReceivedBytes: traffic.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0),
      inWork: inWork(),
      workers: new Set(minds.flatMap(({ workers }) => workers.map(({ id }) => id))).size,
      edgeFactor: Math.max(...minds.map(({ edge }) => edge.factorAt(clock.now()))),
      engineRestarts: models.reduce((sum, { edge }) => sum + edge.inference.restarts, 0),
      engine: models.map(({ engine }) => engine).find(({ reason }) => reason) ?? models[0]!.engine,
      compiledInMemory: models.some(({ edge }) => edge.compiledInMemory),
      cpuLoad: machine.load,
      linkChanges: mind.carrier.changes,
      cpuTemperatureC: machine.temperatureC,
      cpuFrequencyHz: machine.frequencyHz,
      isCpuThrottled: machine.isThrottled,
      eventLoopP99Ms: this.loop.p99Ms,
      memoryAvailableBytes: machine.availableMemoryBytes,
      rssBytes: process.memoryUsage.rss(),
      uptimeS: process.uptime(),
      certificateDays: certificateDays(),
    }
  }

  /** Each once, however many of the models it serves. */
  private workers(): LiveState['workers'] {
    const { mind } = this.options
    const workers = new Map<string, LiveState['workers'][number]>()
    for (const { allWorkers, workers: pooled } of this.models.map(({ hash }) => mind.of(hash)))
      for (const said of allWorkers) {
        const worker = pooled.find(({ id }) => id === said.id)
        const known = workers.get(said.id)
        const isOurs = said.isOurs || known?.isOurs === true
        const queueMs = worker?.queueMs ?? known?.queueMs
        workers.set(said.id, { ...said, isOurs, queueMs, trust: worker?.trust.kind ?? known?.trust })
      }
    return [...workers.values()]
  }

  private woundsOf({ name, hash }: EdgeModel): LiveState['wounds'] {
    const { profile, chain } = this.options.mind.of(hash).setup
    const wounds = chain.wounds.map(({ id, tensors }) => ({
      id,
      headMs: tensors.length === 0 ? fastestWhole(profile).ms : headMs(profile, id),
    }))
    const isOneOfSeveral = this.models.length > 1
    return liveWounds(wounds, this.tallyOf(name).last).map((wound) => ({
      ...wound,
      ...(isOneOfSeveral && { model: name }),
    }))
  }
}
