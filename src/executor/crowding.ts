import { median } from 'simple-statistics'

/** Runs of a segment that its usual time is told from, and those it takes at least. */
const remembered = 15
const known = 5
/** Segments in a row that are late before it is said: a collection of garbage delays one or two. */
const lateInARow = 5
const lateFactor = 2

/**
 * Tells when threads of a run no longer get cores of their own: segments take twice their usual time while more wants to
 * run than there are cores. What is slow on an idle machine (a hot one) becomes the usual.
 */
export class Crowding {
  private readonly loadPerCore: () => number
  private readonly recent = new Map<string, number[]>()
  private late = 0

  /** @param loadPerCore What wants to run, per core. */
  constructor(loadPerCore: () => number) {
    this.loadPerCore = loadPerCore
  }

  /** Told of each segment that has run. @returns Whether it has become crowded; all is forgotten then. */
  hasRun(segment: string, ms: number): boolean {
    const times = this.recent.get(segment) ?? []
    this.recent.set(segment, times)
    const isLate = times.length >= known && ms > lateFactor * median(times)
    if (isLate && this.loadPerCore() > 1) {
      this.late++
      if (this.late < lateInARow) return false
      this.late = 0
      this.recent.clear()
      return true
    }
    this.late = 0
    times.push(ms)
    if (times.length > remembered) times.shift()
    return false
  }
}
