import { type Capacity, capacityCurve } from '../link-capacity.ts'

/** Serves jobs in the order they come, each as soon as one of its servers is free. */
export class Servers {
  private readonly freeAtMs: number[]

  constructor(servers: number) {
    this.freeAtMs = Array.from({ length: servers }, () => 0)
  }

  /** When a job that comes now is done. */
  serve(nowMs: number, ms: number): number {
    const next = this.freeAtMs.indexOf(Math.min(...this.freeAtMs))
    const doneMs = Math.max(nowMs, this.freeAtMs[next]!) + ms
    this.freeAtMs[next] = doneMs
    return doneMs
  }

  /** Until a server is free. */
  backlogMs(nowMs: number): number {
    return Math.max(0, Math.min(...this.freeAtMs) - nowMs)
  }
}

/** Carries messages one after the other at a capacity that may change with time; exact, as the link's shaper. */
export class SerialLink {
  private readonly curve: ReturnType<typeof capacityCurve>
  /** Position on the capacity's curve up to which it is used. */
  private used = 0

  constructor(capacity: Capacity) {
    this.curve = capacityCurve(capacity)
  }

  /** When the last byte of a message that is handed over now has left; Infinity in an outage without end. */
  send(nowMs: number, bytes: number): number {
    this.used = Math.max(this.used, this.curve.bytesBy(nowMs)) + bytes
    return Math.max(nowMs, this.curve.timeOf(this.used))
  }

  /** Bytes that have not left. */
  queuedBytes(nowMs: number): number {
    return Math.max(0, this.used - this.curve.bytesBy(nowMs))
  }

  /** What the link can carry between two moments, in bits per second. */
  meanBps(fromMs: number, toMs: number): number {
    return (8000 * (this.curve.bytesBy(toMs) - this.curve.bytesBy(fromMs))) / (toMs - fromMs)
  }
}
