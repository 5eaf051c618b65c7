/**
 * How often a stream asks and how evenly, from the moments at which it did: gaps between arrivals in sums that decay with
 * time, so that a rate that drifts is followed; where the last few gaps cannot come from what was believed, only these
 * count. A stream that is silent for longer than its usual gap is believed to be that much slower, and to have stopped
 * after a second (and three usual gaps), so that its share returns to the others. O(1) an arrival.
 */
const memoryMs = 5000
/** A gap as long as this, and this many usual gaps, is a pause: the stream begins anew behind it. */
const pauseMs = 1000
const pauseGaps = 3
/** Assumed of a stream that has just begun, so that its first input is not left out for others that may never come. */
const firstGapMs = 60_000
/** Gaps that are compared with all before them. */
const recentGaps = 8
/** Their mean lies so many of its standard deviations off only when the stream has changed. */
const surprisingDeviations = 4
/** Even a camera's gaps vary: squared coefficient of variation, at least. */
const leastCv2 = 0.01
/** Assumed before there are gaps enough: arrivals by chance. */
const unknownCv2 = 1

interface Sums {
  readonly count: number
  readonly ms: number
  readonly squares: number
}

const noSums: Sums = { count: 0, ms: 0, squares: 0 }

export class ArrivalEstimator {
  private lastMs: number | undefined
  private sums: Sums = noSums
  private recent: readonly number[] = []
  /** The pause before it began: as long as there is no other gap, the next may be as far off. */
  private begunAfterMs = firstGapMs

  observe(nowMs: number): void {
    const { lastMs } = this
    this.lastMs = nowMs
    if (lastMs === undefined) return
    const gapMs = Math.max(0, nowMs - lastMs)
    if (this.isPause(gapMs)) {
      this.sums = noSums
      this.recent = []
      this.begunAfterMs = gapMs
      return
    }
    this.sums = added(this.sums, gapMs)
    this.recent = [...this.recent, gapMs].slice(-recentGaps)
    if (this.hasChanged()) this.sums = this.recent.reduce(added, noSums)
  }

  /** Arrivals a second, as of now; of a stream that has just begun as its pause was, 0 of one that has stopped. */
  ratePerS(nowMs: number): number {
    const { lastMs, sums } = this
    if (lastMs === undefined) return 0
    const silentMs = nowMs - lastMs
    if (this.isPause(silentMs)) return 0
    const gapMs = sums.count > 0 ? sums.ms / sums.count : this.begunAfterMs
    return 1000 / Math.max(1, gapMs, silentMs)
  }

  /** Squared coefficient of variation of the gaps. */
  get cv2(): number {
    const { count, ms, squares } = this.sums
    if (count < 2) return unknownCv2
    const meanMs = Math.max(1, ms / count)
    return Math.min(4, Math.max(leastCv2, (squares / count - (ms / count) ** 2) / meanMs ** 2))
  }

  private isPause(gapMs: number): boolean {
    const { count, ms } = this.sums
    return gapMs >= pauseMs && gapMs >= (count > 0 ? (pauseGaps * ms) / count : pauseMs)
  }

  private hasChanged(): boolean {
    const { recent, sums } = this
    const recentMs = recent.reduce((sum, gapMs) => sum + gapMs, 0) / recent.length
    const meanMs = sums.ms / sums.count
    // The recent ones are among all, so that this holds only where there are more than twice as many before them.
    return (recentMs - meanMs) ** 2 > surprisingDeviations ** 2 * ((meanMs ** 2 * this.cv2) / recent.length)
  }
}

function added(sums: Sums, gapMs: number): Sums {
  const kept = Math.exp(-gapMs / memoryMs)
  return {
    count: kept * sums.count + 1,
    ms: kept * sums.ms + gapMs,
    squares: kept * sums.squares + gapMs ** 2,
  }
}
