import type { MixReport } from '../src/scheduler/mix/mix-report.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { MqttSession } from '../src/transport/mqtt-session.ts'

/** Streams change slowly, and a report costs as much as an answer. */
const periodMs = 10_000

const digits = 4

export interface PlanReportOptions {
  readonly session: Pick<MqttSession, 'state' | 'publish'>
  readonly topic: string
  /** Undefined where no input has come since the last one. */
  readonly report: () => MixReport | undefined
  readonly log: Log
}

/** Says by what the streams are answered and why: retained on the plan topic, and in the log where that tells details. */
export class PlanReport {
  private readonly options: PlanReportOptions
  private timer: NodeJS.Timeout | undefined
  private last: MixReport | undefined

  constructor(options: PlanReportOptions) {
    this.options = options
  }

  /** What was said last. */
  get latest(): MixReport | undefined {
    return this.last
  }

  start(): void {
    this.timer ??= setInterval(() => this.publish(), periodMs)
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }

  private publish(): void {
    const { session, topic, report, log } = this.options
    const fresh = report()
    if (fresh === undefined) return
    this.last = fresh
    const { explanation } = fresh
    log('debug', 'the streams are planned', { explanation })
    if (session.state.kind !== 'online') return
    const text = JSON.stringify({ ts: Date.now(), ...fresh }, rounded)
    // The next one replaces it.
    session.publish(topic, text, { qos: 0, retain: true, timeoutMs: periodMs }).catch(() => undefined)
  }
}

/** Numbers as precise as they are. */
function rounded(key: string, value: unknown): unknown {
  const isEstimate = typeof value === 'number' && key !== 'ts'
  return isEstimate ? Number(value.toPrecision(digits)) : value
}
