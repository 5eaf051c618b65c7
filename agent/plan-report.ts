import type { MixReport } from '../src/scheduler/mix/mix-report.ts'
import type { Log } from '../src/telemetry/log.ts'
import { PeriodicMessage, type PeriodicMessageOptions } from './periodic-message.ts'

/** Streams change slowly, and a report costs as much as an answer. */
const periodMs = 10_000

const digits = 4

export interface PlanReportOptions extends Pick<PeriodicMessageOptions, 'session' | 'topic'> {
  /** Undefined where no input has come since the last one. */
  readonly report: () => MixReport | undefined
  readonly log: Log
}

/** Says by what the streams are answered and why: retained on the plan topic, and in the log where that tells details. */
export class PlanReport {
  private readonly options: PlanReportOptions
  private readonly message: PeriodicMessage
  private last: MixReport | undefined

  constructor(options: PlanReportOptions) {
    const { session, topic } = options
    this.options = options
    this.message = new PeriodicMessage({ session, topic, periodMs, text: () => this.text() })
  }

  /** What was said last. */
  get latest(): MixReport | undefined {
    return this.last
  }

  start(): void {
    this.message.start()
  }

  stop(): void {
    this.message.stop()
  }

  private text(): string | undefined {
    const { report, log } = this.options
    const fresh = report()
    if (fresh === undefined) return undefined
    this.last = fresh
    const { explanation } = fresh
    log('debug', 'the streams are planned', { explanation })
    return JSON.stringify({ ts: Date.now(), ...fresh }, rounded)
  }
}

/** Numbers as precise as they are. */
function rounded(key: string, value: unknown): unknown {
  const isEstimate = typeof value === 'number' && key !== 'ts'
  return isEstimate ? Number(value.toPrecision(digits)) : value
}
