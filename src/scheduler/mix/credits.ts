/**
 * Makes whole frames of shares: after any number of frames each plan has had its share of them to within one frame, and
 * they come evenly spaced. Tijdeman's rule for the chairman assignment problem (Discrete Mathematics 32, 1980): of the
 * plans that have at least 1 / (2n - 2) of a frame to their credit, the one that would be first to have a whole one takes
 * the next; no credit ever leaves -1..1. Simply taking the largest credit does not keep that promise for many plans.
 * O(plans) a frame.
 */
const rounding = 1e-9
/** Frames that are passed on in advance: a claim to as many is the largest burst that can come of it. */
const mostAhead = 2

export class Credits {
  private credits = new Map<string, number>()

  /**
   * Whose frame this is; undefined where there are no shares. It counts as had, even if it cannot be used: a plan that
   * cannot be for a while must not come back with a claim to a burst of frames. Names that are no longer among the shares
   * leave, and what they had to their credit goes to the others.
   * @param shares above 0, together 1
   */
  next(shares: ReadonlyMap<string, number>): string | undefined {
    let left = 0
    for (const [name, credit] of this.credits) if (!shares.has(name)) left += credit
    const threshold = 1 / Math.max(1, 2 * shares.size - 2)
    const credits = new Map<string, number>()
    let first: string | undefined
    let leastFrames = Infinity
    for (const [name, share] of shares) {
      const credit = (this.credits.get(name) ?? 0) + share * (1 + left)
      credits.set(name, credit)
      // Until it has more to its credit than may be. Together they have one, so not all are below the threshold.
      const frames = (1 - threshold - credit) / share
      if (credit < threshold - rounding || frames >= leastFrames) continue
      first = name
      leastFrames = frames
    }
    if (first !== undefined) credits.set(first, credits.get(first)! - 1)
    this.credits = credits
    return first
  }

  /**
   * The frame that `from` had was `to`'s: it counts as one that `to` was due, unless `to` has had frames enough in advance.
   */
  passOn(from: string, to: string): void {
    const credit = this.credits.get(to)
    if (credit === undefined || credit < -mostAhead) return
    this.credits.set(to, credit - 1)
    this.credits.set(from, this.credits.get(from)! + 1)
  }
}
