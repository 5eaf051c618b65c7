import { median, medianAbsoluteDeviation } from 'simple-statistics'

/** How many requests the present speed is taken over. */
const remembered = 9

/** How much slower than its profile a machine is now: heat, other load, a wrong profile. 1 means as profiled. */
export class LiveSlowdown {
  private readonly ratios: number[] = []

  /** One run: what it took and what the profile says. Runs of no predicted length teach nothing. */
  observe(measuredMs: number, profiledMs: number): void {
    if (!(profiledMs > 0) || !Number.isFinite(measuredMs)) return
    this.ratios.push(measuredMs / profiledMs)
    if (this.ratios.length > remembered) this.ratios.shift()
  }

  /** The median, so that one preempted run moves nothing. */
  get factor(): number {
    return this.ratios.length === 0 ? 1 : median(this.ratios)
  }

  /** Standard deviation of the factor, estimated from the median absolute deviation. */
  get deviation(): number {
    return this.ratios.length < 3 ? 0.1 : 1.4826 * medianAbsoluteDeviation(this.ratios)
  }
}
