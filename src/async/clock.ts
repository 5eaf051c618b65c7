import { setTimeout as delay } from 'node:timers/promises'

/** Time as a program meets it: handed to whatever waits, so that tests and the simulator can run it by themselves. */
export interface Clock {
  /** Monotonic milliseconds from an origin of the clock's own. */
  readonly now: () => number
  /** Resolves after so many milliseconds, or at once when `signal` is or becomes aborted: who waits looks at it. */
  readonly after: (ms: number, signal?: AbortSignal) => Promise<void>
}

/** A timer of Node's holds no more than 31 bits, and fires at once beyond. */
const longestMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  async after(ms, signal) {
    if (signal?.aborted) return
    await delay(Math.min(Math.max(0, ms), longestMs), undefined, signal && { signal }).catch(() => undefined)
  },
}
