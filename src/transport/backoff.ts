export interface Backoff {
  readonly minMs: number
  readonly maxMs: number
}

/**
 * Wait before the `attempt`-th retry (from 1): uniform between 0 and the doubling bound, so that a fleet whose broker
 * restarts does not come back in step ("full jitter", Brooker, AWS Architecture Blog, 2015).
 */
export function retryDelayMs(attempt: number, backoff: Backoff, random: () => number): number {
  return random() * Math.min(backoff.maxMs, backoff.minMs * 2 ** (attempt - 1))
}
