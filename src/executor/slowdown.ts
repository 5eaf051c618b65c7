import { median } from 'simple-statistics'

/** How many runs of one piece the usual time is taken over. */
const remembered = 15

/**
 * Makes a fast machine as slow as another by waiting after each piece of work, (factor - 1) x the piece's usual time.
 * The usual time is the median of its last runs: multiplying each run's own time would multiply the noise of a shared
 * machine too.
 */
export class Slowdown {
  private readonly factor: number
  private readonly recent = new Map<string, number[]>()

  /** @param factor 1 or more. */
  constructor(factor: number) {
    if (!(factor >= 1))
      throw new RangeError(`Cannot slow down: factor must be at least 1, current value is ${factor}`)
    this.factor = factor
  }

  /** Blocks the calling thread; `cancel[0]` set to 1 and notified ends the wait at once. */
  wait(piece: string, elapsedMs: number, cancel: Int32Array<SharedArrayBuffer>): void {
    if (this.factor === 1) return
    const runs = this.recent.get(piece) ?? []
    runs.push(elapsedMs)
    if (runs.length > remembered) runs.shift()
    this.recent.set(piece, runs)
    const waitMs = this.factor * median(runs) - elapsedMs
    if (waitMs > 0) Atomics.wait(cancel, 0, 0, waitMs)
  }
}
