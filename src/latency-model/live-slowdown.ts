import { median } from 'simple-statistics'

/** How many runs the present speed is taken over; an answer computed here is one run for each of its segments. */
const remembered = 9
/** Age at which what was observed counts 1/e: a machine that was slow once is tried again. */
const memoryMs = 20_000

/** How much slower than its profile a machine is now: heat, other load, a wrong profile. 1 means as profiled. */
export class LiveSlowdown {
  private readonly now: () => number
  private readonly ratios: number[] = []
  private observedAtMs = 0

  constructor(now: () => number = () => performance.now()) {
    this.now = now
  }

  /** One run: what it took and what the profile says. Runs of no predicted length teach nothing. */
  observe(measuredMs: number, profiledMs: number): void {
    if (!(profiledMs > 0) || !Number.isFinite(measuredMs)) return
    this.ratios.push(measuredMs / profiledMs)
    if (this.ratios.length > remembered) this.ratios.shift()
    this.observedAtMs = this.now()
  }

  /** The median, so that one preempted run moves nothing; it fades towards 1 while nothing is observed. */
  get factor(): number {
    if (this.ratios.length === 0) return 1
    return 1 + (median(this.ratios) - 1) * Math.exp((this.observedAtMs - this.now()) / memoryMs)
  }
}
