import { median } from 'simple-statistics'

const remembered = 40
/** Observations that are nearest in size and vote on what is expected. */
const voters = 5

/**
 * What work takes by the size of what it is done on (decoding a picture by the bytes of its message): the median of the
 * observations nearest in size. Cameras send pictures of few sizes, so no law of growth has to be assumed. O(40 log 40).
 */
export class SizeTimes {
  private readonly observed: { readonly bytes: number; readonly ms: number }[] = []

  observe(bytes: number, ms: number): void {
    if (!(bytes > 0) || !(ms >= 0) || !Number.isFinite(ms)) return
    this.observed.push({ bytes, ms })
    if (this.observed.length > remembered) this.observed.shift()
  }

  /** Milliseconds for so many bytes; 0 while nothing was observed. */
  expect(bytes: number): number {
    if (this.observed.length === 0) return 0
    const distance = (other: number) => Math.abs(Math.log(other / Math.max(1, bytes)))
    // The newest first, so that among equal sizes the last ones vote.
    const nearest = this.observed.toReversed().toSorted((a, b) => distance(a.bytes) - distance(b.bytes))
    return median(nearest.slice(0, voters).map(({ ms }) => ms))
  }
}
