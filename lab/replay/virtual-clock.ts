import type { Clock } from '../../src/async/clock.ts'
import { EventQueue } from './event-queue.ts'

interface Timer {
  call: (() => void) | undefined
}

/** Promises settle without time passing: all of them have when the event loop comes round. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

/**
 * Time that passes only from one timer to the next: whatever waits by a `Clock` runs as fast as it computes, and the
 * same each time. O(log timers) each.
 */
export class VirtualClock implements Clock {
  private nowMs = 0
  private readonly timers = new EventQueue<Timer>()

  readonly now = () => this.nowMs

  readonly schedule = (ms: number, call: () => void) => {
    const atMs = this.nowMs + Math.max(0, ms)
    const timer: Timer = { call }
    if (atMs < Number.POSITIVE_INFINITY) this.timers.push(atMs, timer)
    return () => {
      timer.call = undefined
    }
  }

  /** Runs everything until then, what timers set off included. */
  async runUntil(endMs: number): Promise<void> {
    await settled()
    while (this.timers.nextMs <= endMs) {
      const { atMs, event } = this.timers.pop()!
      if (event.call === undefined) continue
      this.nowMs = atMs
      event.call()
      await settled()
    }
    this.nowMs = endMs
  }
}
