import { createTask, type ScheduledTask } from 'node-cron'

export interface CalendarJobOptions {
  /** As cron writes it; valid. */
  readonly expression: string
  /** Not begun while it still runs. What it rejects with is its own matter. */
  readonly run: () => Promise<void>
  /** Default performance.now. */
  readonly monotonicMs?: () => number
}

/** Before this program was written a machine without a clock has not been told the time yet. */
const plausibleFromMs = Date.UTC(2025, 0, 1)
const checkMs = 1000
const jumpMs = 60_000

interface Slot {
  readonly atMs: number
  /** Wall clock over monotonic one, when it was looked up. */
  readonly offsetMs: number
}

/**
 * A job at calendar times on a machine whose clock may be wrong. node-cron reads the expression and finds the next slot,
 * which is waited for here: started, node-cron itself walks through every slot that a jumping clock has missed, waits for
 * one in the year from which the clock came back, and in the hour that autumn repeats turns in circles until it is over,
 * having taken its time for an hour earlier. So a slot is looked up once the time is plausible, and anew whenever wall and
 * monotonic clock part by more than a minute. What a jump has missed is not caught up.
 */
export class CalendarJob {
  private readonly options: CalendarJobOptions
  private task: ScheduledTask | undefined
  private slot: Slot | undefined
  private timer: NodeJS.Timeout | undefined
  private isRunning = false

  constructor(options: CalendarJobOptions) {
    this.options = options
  }

  start(): void {
    if (this.timer !== undefined) return
    const { timeZone } = new Intl.DateTimeFormat().resolvedOptions()
    // Never started: it only knows the calendar.
    this.task = createTask(this.options.expression, () => undefined, { timezone: timeZone })
    this.check()
    this.timer = setInterval(() => this.check(), checkMs)
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
    this.slot = undefined
    void this.task?.destroy()
    this.task = undefined
  }

  private check(): void {
    const { monotonicMs = () => performance.now() } = this.options
    const nowMs = Date.now()
    const offsetMs = nowMs - monotonicMs()
    if (this.slot !== undefined && Math.abs(offsetMs - this.slot.offsetMs) > jumpMs) this.slot = undefined
    if (nowMs < plausibleFromMs) return
    const isDue = this.slot !== undefined && nowMs >= this.slot.atMs
    if (this.slot !== undefined && !isDue) return
    this.slot = { atMs: this.task!.getNextRuns(1)[0]!.getTime(), offsetMs }
    if (isDue) void this.run()
  }

  private async run(): Promise<void> {
    if (this.isRunning) return
    this.isRunning = true
    try {
      await this.options.run()
    } catch {
      // See `run`.
    } finally {
      this.isRunning = false
    }
  }
}
