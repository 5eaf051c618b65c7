import { type Clock, systemClock } from '../src/async/clock.ts'
import type { CpuMonitor } from '../src/bandwidth-probe/cpu-monitor.ts'
import type { DashboardSource } from '../src/dashboard/dashboard-server.ts'
import { type LiveState, liveRequests, liveWounds } from '../src/dashboard/live-state.ts'
import type { EngineState } from '../src/executor/start-with-engine.ts'
import { programVersion } from '../src/files/program-version.ts'
import { headMs, wholeMs } from '../src/latency-model/profile.ts'
import type { Model } from '../src/model-graph/model.ts'
import { EventLoopDelay } from '../src/telemetry/event-loop-delay.ts'
import { metricValues } from '../src/telemetry/metric.ts'
import { prometheusContentType, prometheusText } from '../src/telemetry/prometheus-text.ts'
import type { RequestRecord } from '../src/telemetry/request-record.ts'
import { StreamRates } from '../src/telemetry/stream-rates.ts'
import type { MqttSession } from '../src/transport/mqtt-session.ts'
import { type AgentFigures, agentMetrics } from './agent-metrics.ts'
import type { EdgeRuntime } from './edge-runtime.ts'
import type { Mind } from './mind.ts'
import { RequestTally } from './request-tally.ts'

export interface ShownOptions {
  readonly device: string
  readonly model: Model
  readonly engine: EngineState
  readonly edge: EdgeRuntime
  readonly mind: Mind
  readonly cpu: CpuMonitor
  readonly inWork: () => number
  /** By what the streams are answered, in words. */
  readonly explanation: () => readonly string[]
  /** With the brokers, by the names of the configuration. */
  readonly sessions: Readonly<Record<string, Pick<MqttSession, 'state' | 'url'>>>
  /** Days until the first certificate ends. */
  readonly certificateDays: () => number | undefined
  readonly clock?: Clock
}

/** Everything that the agent shows of itself, whoever looks: its figures, and the same for the dashboard. */
export class Shown implements DashboardSource {
  readonly tally = new RequestTally()
  private readonly rates: StreamRates
  readonly version = programVersion()
  private readonly options: ShownOptions
  private readonly loop = new EventLoopDelay()

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

  record(record: RequestRecord): void {
    this.tally.record(record)
    this.rates.record(record)
  }

  /** From here on the event-loop delay is that of serving, not of starting. */
  serving(): void {
    this.loop.reset()
  }

  figures(): AgentFigures {
    const { mind, edge, engine, cpu, inWork, certificateDays, clock = systemClock } = this.options
    return {
      tally: this.tally,
      link: mind.link,
      inWork: inWork(),
      workers: mind.workers.length,
      edgeFactor: mind.edge.factorAt(clock.now()),
      engineRestarts: edge.inference.restarts,
      engine,
      compiledInMemory: edge.compiledInMemory,
      cpuLoad: cpu.load,
      cpuTemperatureC: cpu.temperatureC,
      eventLoopP99Ms: this.loop.p99Ms,
      rssBytes: process.memoryUsage.rss(),
      uptimeS: process.uptime(),
      certificateDays: certificateDays(),
    }
  }

  metrics(): { contentType: string; text: string } {
    const { device, model } = this.options
    const labels = { device, model: model.manifest.name }
    return { contentType: prometheusContentType, text: prometheusText(agentMetrics, this.figures(), labels) }
  }

  live(): LiveState {
    const { device, model, engine, mind, sessions, explanation } = this.options
    const { profile, chain } = mind.setup
    const wounds = chain.wounds.map(({ id, tensors }) => ({
      id,
      headMs: tensors.length === 0 ? wholeMs(profile) : headMs(profile, id),
    }))
    const { link } = mind
    const pooled = new Map(mind.workers.map((worker) => [worker.id, worker]))
    return {
      device,
      version: this.version,
      model: model.manifest.name,
      modelHash: model.hash,
      engine: engine.used,
      engineReason: engine.reason,
      ts: Date.now(),
      metrics: metricValues(agentMetrics, this.figures()),
      link: link.kind === 'down' ? `down: ${link.reason}` : link.kind,
      wounds: liveWounds(wounds, this.tally.last),
      workers: mind.allWorkers.map((said) => {
        const worker = pooled.get(said.id)
        return { ...said, queueMs: worker?.queueMs, trust: worker?.trust.kind }
      }),
      connections: Object.entries(sessions).map(([name, { state, url }]) => ({
        name,
        url,
        isOnline: state.kind === 'online',
        reason: state.kind === 'offline' ? state.reason : undefined,
        refused: state.kind === 'online' ? [...state.refused] : [],
      })),
      streams: this.rates.rates,
      explanation: explanation(),
      requests: liveRequests(this.tally.last),
    }
  }

  async graph(): Promise<string> {
    const { graph, manifest } = this.options.model
    // Only where somebody looks: what draws it holds some megabytes.
    const { graphSvg } = await import('../src/graph-picture/render-picture.ts')
    return graphSvg(graph, { folded: true, title: manifest.name })
  }
}
