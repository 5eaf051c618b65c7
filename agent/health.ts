import type { CpuMonitor } from '../src/bandwidth-probe/cpu-monitor.ts'
import type { LinkState } from '../src/bandwidth-probe/link-belief.ts'
import type { EngineState } from '../src/executor/start-with-engine.ts'
import { EventLoopDelay } from '../src/telemetry/event-loop-delay.ts'
import type { RequestRecord } from '../src/telemetry/request-record.ts'
import type { MqttSession } from '../src/transport/mqtt-session.ts'

const periodMs = 1000

export interface HealthOptions {
  readonly session: MqttSession
  readonly topic: string
  readonly cpu: CpuMonitor
  readonly link: () => LinkState
  readonly edgeFactor: () => number
  readonly engineRestarts: () => number
  readonly engine: EngineState
  /** The cache of compiled segments cannot keep all of them. */
  readonly compiledInMemory: () => boolean
}

/**
 * Publishes one flat JSON object of numbers a second on the metrics topic: the form that Grafana's MQTT source, Telegraf
 * and Home Assistant all read without further ado. Words, such as which engine and why, are in the retained state.
 */
export class Health {
  private readonly options: HealthOptions
  private readonly loop = new EventLoopDelay()
  private timer: NodeJS.Timeout | undefined
  private answered = 0
  private failed = 0
  private finishedAtWorker = 0
  private sentBytes = 0

  constructor(options: HealthOptions) {
    this.options = options
  }

  start(): void {
    if (this.timer !== undefined) return
    this.loop.start()
    this.timer = setInterval(() => this.publish(), periodMs)
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
    this.loop.stop()
  }

  /** From here on the event-loop delay is that of serving, not of starting. */
  serving(): void {
    this.loop.reset()
  }

  record({ outcome, measured }: RequestRecord): void {
    this.sentBytes += measured.sentBytes
    if (outcome.kind !== 'answered') this.failed++
    else {
      this.answered++
      if (outcome.finishedAt === 'worker') this.finishedAtWorker++
    }
  }

  private publish(): void {
    const { session, topic, cpu, link, edgeFactor, engineRestarts, engine, compiledInMemory } = this.options
    if (session.state.kind !== 'online') return
    const state = link()
    const metrics = {
      ts: Date.now(),
      answered: this.answered,
      failed: this.failed,
      finished_at_worker: this.finishedAtWorker,
      sent_bytes: this.sentBytes,
      uplink_bps: state.kind === 'up' ? Math.round(state.uplinkBps) : 0,
      round_trip_ms: state.kind === 'up' ? state.roundTripMs : -1,
      link_up: state.kind === 'up' ? 1 : 0,
      edge_slowdown: edgeFactor(),
      engine_restarts: engineRestarts(),
      engine_fallback: engine.reason === undefined ? 0 : 1,
      compiled_in_memory: compiledInMemory() ? 1 : 0,
      cpu_load: cpu.load ?? -1,
      cpu_temperature_c: cpu.temperatureC ?? -1,
      event_loop_p99_ms: this.loop.p99Ms,
      rss_bytes: process.memoryUsage.rss(),
    }
    // A metric that is lost is replaced a second later.
    session.publish(topic, JSON.stringify(metrics), { qos: 0, timeoutMs: periodMs }).catch(() => undefined)
  }
}
