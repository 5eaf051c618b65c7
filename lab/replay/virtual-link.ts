import type { Clock } from '../../src/async/clock.ts'
import { type Capacity, type CapacityCurve, capacityCurve } from '../link-capacity.ts'

export interface LinkPhase {
  /** Ascending; the first is 0. */
  readonly fromMs: number
  readonly capacity: Capacity
  readonly oneWayDelayMs: number
}

/** Of the phase that begins then, what has been used up. */
interface Used {
  readonly fromMs: number
  readonly bytes: number
}

interface Crossed {
  readonly leftMs: number
  readonly delayMs: number
  readonly used: Used
}

/**
 * One direction of a link under a virtual clock: messages cross whole and one after the other, at the capacity of the
 * phase in which each byte's turn comes, then take the phase's delay. What TCP adds (slow start, loss) is not in it.
 */
export class VirtualLink {
  private readonly clock: Clock
  private readonly phases: readonly (LinkPhase & { readonly curve: CapacityCurve })[]
  /** When the last message that was offered will have left. */
  private freeAtMs = 0
  /** How much of its phase was used by then: of a burst within one millisecond the rest is the next message's. */
  private used = { fromMs: 0, bytes: 0 }
  private lastArrivalMs = 0

  constructor(clock: Clock, phases: readonly LinkPhase[]) {
    this.clock = clock
    this.phases = phases.map((phase) => ({ ...phase, curve: capacityCurve(phase.capacity) }))
  }

  /** @param onArrival called when its last byte has come out; never where the link stays dead. */
  send(bytes: number, onArrival: () => void): void {
    const nowMs = this.clock.now()
    const waits = nowMs <= this.freeAtMs
    const beginMs = waits ? this.freeAtMs : nowMs
    const { leftMs, delayMs, used } = this.crossing(bytes, beginMs, waits ? this.used : undefined)
    this.freeAtMs = leftMs
    this.used = used
    this.lastArrivalMs = Math.max(this.lastArrivalMs, leftMs + delayMs)
    this.clock.schedule(this.lastArrivalMs - nowMs, onArrival)
  }

  /** When a message that begins at `beginMs` would have come out, were nothing else on the link. */
  aloneMs(bytes: number, beginMs: number): number {
    const { leftMs, delayMs } = this.crossing(bytes, beginMs)
    return leftMs + delayMs
  }

  /** When the last message that was offered will have left. */
  get freeMs(): number {
    return this.freeAtMs
  }

  private crossing(bytes: number, beginMs: number, before?: Used): Crossed {
    let left = bytes
    let atMs = beginMs
    const first = this.phases.findLastIndex(({ fromMs }) => fromMs <= beginMs)
    for (let i = first; ; i++) {
      const { curve, fromMs, oneWayDelayMs: delayMs } = this.phases[i]!
      const endMs = this.phases[i + 1]?.fromMs ?? Number.POSITIVE_INFINITY
      const served = before?.fromMs === fromMs ? before.bytes : curve.bytesBy(atMs - fromMs)
      const leftMs = fromMs + curve.timeOf(served + left)
      if (leftMs <= endMs || endMs === Number.POSITIVE_INFINITY)
        return { leftMs: Math.max(atMs, leftMs), delayMs, used: { fromMs, bytes: served + left } }
      left -= curve.bytesBy(endMs - fromMs) - served
      atMs = endMs
    }
  }
}
