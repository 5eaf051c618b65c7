import type { Clock } from '../../src/async/clock.ts'

interface Timer {
  readonly atMs: number
  /** Among timers of one moment the first set goes first. */
  readonly number: number
  call: (() => void) | undefined
}

/** Promises settle without time passing: all of them have when the event loop comes round. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

/**
 * Time that passes only from one timer to the next: whatever waits by a `Clock` runs as fast as it computes, and the
 * same each time. A binary heap: O(log timers) each.
 */
export class VirtualClock implements Clock {
  private nowMs = 0
  private nextNumber = 0
  private readonly heap: Timer[] = []

  readonly now = () => this.nowMs

  readonly schedule = (ms: number, call: () => void) => {
    const atMs = this.nowMs + Math.max(0, ms)
    const timer: Timer = { atMs, number: this.nextNumber++, call }
    if (atMs < Number.POSITIVE_INFINITY) this.push(timer)
    return () => {
      timer.call = undefined
    }
  }

  /** Runs everything until then, what timers set off included. */
  async runUntil(endMs: number): Promise<void> {
    await settled()
    for (let next = this.heap[0]; next !== undefined && next.atMs <= endMs; next = this.heap[0]) {
      this.pop()
      if (next.call === undefined) continue
      this.nowMs = next.atMs
      next.call()
      await settled()
    }
    this.nowMs = endMs
  }

  private push(timer: Timer): void {
    const { heap } = this
    let place = heap.push(timer) - 1
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (!isBefore(timer, heap[parent]!)) break
      heap[place] = heap[parent]!
      place = parent
    }
    heap[place] = timer
  }

  private pop(): void {
    const { heap } = this
    const last = heap.pop()!
    if (heap.length === 0) return
    let place = 0
    for (;;) {
      const left = 2 * place + 1
      if (left >= heap.length) break
      const right = left + 1
      const child = right < heap.length && isBefore(heap[right]!, heap[left]!) ? right : left
      if (!isBefore(heap[child]!, last)) break
      heap[place] = heap[child]!
      place = child
    }
    heap[place] = last
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number)
}
