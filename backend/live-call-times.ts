import { LiveSlowdown } from '../src/latency-model/live-slowdown.ts'
import type { CallTimes } from './service-order.ts'

/** What a server's calls take: as it measured them at its start, as much slower as they are now. */
export class LiveCallTimes implements CallTimes {
  private readonly measured: CallTimes
  private readonly slowdown = new LiveSlowdown()
  private factor = 1

  constructor(measured: CallTimes) {
    this.measured = measured
  }

  batchLimit(wound: string): number {
    return this.measured.batchLimit(wound)
  }

  freeAtMs(): number {
    return this.measured.freeAtMs()
  }

  callMs(wound: string, requests: number): number {
    return this.factor * this.measured.callMs(wound, requests)
  }

  /** A call of so many requests took `ms`. */
  took(wound: string, requests: number, ms: number, nowMs: number): void {
    this.slowdown.observe(ms, this.measured.callMs(wound, requests), nowMs)
    // Once a call and not whenever it is asked for, which is often.
    this.factor = this.slowdown.factorAt(nowMs)
  }
}
