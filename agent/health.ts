import { metricValues } from '../src/telemetry/metric.ts'
import type { MqttSession } from '../src/transport/mqtt-session.ts'
import { type AgentFigures, agentMetrics } from './agent-metrics.ts'

const periodMs = 1000

export interface HealthOptions {
  readonly session: Pick<MqttSession, 'state' | 'publish'>
  readonly topic: string
  readonly figures: () => AgentFigures
}

/**
 * Publishes one flat JSON object of numbers a second on the metrics topic, retained: the form that Grafana's MQTT source,
 * Telegraf and Home Assistant all read without further ado. Words, such as which engine and why, are in the state.
 */
export class Health {
  private readonly options: HealthOptions
  private timer: NodeJS.Timeout | undefined

  constructor(options: HealthOptions) {
    this.options = options
  }

  start(): void {
    this.timer ??= setInterval(() => this.publish(), periodMs)
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }

  private publish(): void {
    const { session, topic, figures } = this.options
    if (session.state.kind !== 'online') return
    const text = JSON.stringify({ ts: Date.now(), ...metricValues(agentMetrics, figures()) })
    // A metric that is lost is replaced a second later.
    session.publish(topic, text, { qos: 0, retain: true, timeoutMs: periodMs }).catch(() => undefined)
  }
}
