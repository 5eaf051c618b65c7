import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'

/**
 * The histogram samples by a timer of this period, which is part of each value it records. Every one wakes an idle
 * process: at 5 ms that was most of what it cost.
 */
const resolutionMs = 50

/** How late this thread's timers are: what a daemon adds to every message by itself. */
export class EventLoopDelay {
  private readonly histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: resolutionMs })

  start(): void {
    this.histogram.enable()
  }

  stop(): void {
    this.histogram.disable()
  }

  /** Milliseconds that 99 of 100 timers were at most late since the last reset. */
  get p99Ms(): number {
    return Math.max(0, this.histogram.percentile(99) / 1e6 - resolutionMs)
  }

  /** Forgets what has been, start-up for instance. */
  reset(): void {
    this.histogram.reset()
  }
}
