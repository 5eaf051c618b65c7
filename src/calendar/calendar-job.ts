import { schedule as scheduleWithCron } from 'node-cron'

export interface CalendarJobOptions {
  /** As cron writes it; valid. */
  readonly expression: string
  readonly run: () => Promise<void>
  /** Milliseconds since 1970, as the machine believes. Default Date.now. */
  readonly wallMs?: () => number
  /** Default performance.now. */
  readonly monotonicMs?: () => number
  /** Default node-cron. */
  readonly schedule?: (expression: string, run: () => Promise<void>) => { destroy(): unknown }
}

/** Before this program was written a machine without a clock has not been told the time yet. */
const plausibleFromMs = Date.UTC(2025, 0, 1)
const checkMs = 1000
const jumpMs = 60_000

interface Armed {
  readonly task: { destroy(): unknown }
  /** Wall clock over monotonic one, when it was armed. */
  readonly offsetMs: number
}

/**
 * A job at calendar times on a machine whose clock may be wrong. node-cron walks through every slot that a jumping clock
 * has missed, or waits for one in the year from which the clock came back: so it is started once the time is plausible,
 * and made anew whenever wall and monotonic clock part by more than a minute. What a jump has missed is not caught up.
 */
export class CalendarJob {
  private readonly options: CalendarJobOptions
  private armed: Armed | undefined
  private timer: NodeJS.Timeout | undefined

  constructor(options: CalendarJobOptions) {
    this.options = options
  }

  start(): void {
    if (this.timer !== undefined) return
    this.check()
    this.timer = setInterval(() => this.check(), checkMs)
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
    this.disarm()
  }

  private check(): void {
    const { wallMs = Date.now, monotonicMs = () => performance.now() } = this.options
    const nowMs = wallMs()
    const offsetMs = nowMs - monotonicMs()
    if (this.armed !== undefined && Math.abs(offsetMs - this.armed.offsetMs) > jumpMs) this.disarm()
    if (this.armed === undefined && nowMs >= plausibleFromMs) this.arm(offsetMs)
  }

  private arm(offsetMs: number): void {
    const { expression, run, schedule = scheduleWithCron } = this.options
    this.armed = { task: schedule(expression, run), offsetMs }
  }

  private disarm(): void {
    void this.armed?.task.destroy()
    this.armed = undefined
  }
}
