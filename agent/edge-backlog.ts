interface Promised {
  readonly beginMs: number
  readonly workMs: number
}

/**
 * What the engine still has to do for requests in work, as their plans predicted it. A request that is answered takes
 * its promise with it, so that predictions that were too long are not added up: else a queue that is empty would look
 * ever longer. Time is an argument: monotonic milliseconds. O(requests in work).
 */
export class EdgeBacklog {
  /** In the order of their arrival, which is that in which the engine takes them. */
  private readonly promised = new Set<Promised>()

  /** @returns what is to be called once the request is answered, however. */
  promise(workMs: number, nowMs: number): () => void {
    const promised = { beginMs: nowMs, workMs }
    this.promised.add(promised)
    return () => this.promised.delete(promised)
  }

  /** Milliseconds until the engine is free. */
  waitMs(nowMs: number): number {
    let freeAtMs = -Infinity
    for (const { beginMs, workMs } of this.promised) freeAtMs = Math.max(freeAtMs, beginMs) + workMs
    return Math.max(0, freeAtMs - nowMs)
  }
}
