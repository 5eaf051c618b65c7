import { median } from 'simple-statistics'

/** How many runs the present speed is taken over; an answer computed locally is one run for each of its segments. */
const rememberedRuns = 9
/** Age at which what was observed counts 1/e: a machine that was slow once is tried again. */
const memoryMs = 20_000

/**
 * How much slower than its profile a machine is now: heat, other load, a wrong profile. 1 means as profiled. The median
 * of the last runs, so that one preempted run moves nothing and five of a new kind move everything; it fades towards 1
 * while nothing is observed. Time is an argument: monotonic milliseconds.
 */
export class LiveSlowdown {
  private readonly ratios: number[] = []
  private observedAtMs = 0

  /** One run: what it took and what the profile says. Runs of no predicted length teach nothing. */
  observe(measuredMs: number, profiledMs: number, atMs: number): void {
    const ratio = measuredMs / profiledMs
    if (!(profiledMs > 0) || !(ratio >= 0 && ratio < Infinity)) return
    this.ratios.push(ratio)
    if (this.ratios.length > rememberedRuns) this.ratios.shift()
    this.observedAtMs = atMs
  }

  /** A run that was given up unfinished after so long: it teaches only where that is more than was believed. */
  observeAtLeast(elapsedMs: number, profiledMs: number, atMs: number): void {
    if (elapsedMs > this.factorAt(atMs) * profiledMs) this.observe(elapsedMs, profiledMs, atMs)
  }

  factorAt(nowMs: number): number {
    if (this.ratios.length === 0) return 1
    // Asked of a moment before it was observed it is not known any better.
    const kept = Math.exp(Math.min(0, this.observedAtMs - nowMs) / memoryMs)
    return 1 + (median(this.ratios) - 1) * kept
  }
}
