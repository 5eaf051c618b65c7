/** Time as a program meets it: handed to whatever waits, so that tests and the simulator can run it by themselves. */
export interface Clock {
  /** Monotonic milliseconds from an origin of the clock's own. */
  readonly now: () => number
  /** Calls so many milliseconds from now; returns how to take it back, which is safe to repeat. */
  readonly schedule: (ms: number, call: () => void) => () => void
}

/** A timer of Node's holds no more than 31 bits, and fires at once beyond. */
const longestMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(ms, call) {
    const timer = setTimeout(call, Math.min(Math.max(0, ms), longestMs))
    return () => clearTimeout(timer)
  },
}

/** Resolves after so many milliseconds, or at once when `signal` is or becomes aborted: who waits looks at it. */
export function after(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const end = () => {
      cancel()
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.schedule(ms, end)
    signal?.addEventListener('abort', end, { once: true })
  })
}
