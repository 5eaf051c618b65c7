/** value = (code - zeroPoint) * scale. `scale` is 0 where all values are 0. */
export interface ClippedRange {
  readonly scale: number
  readonly zeroPoint: number
}

const bins = 512
/** Shares of the full range that are tried. */
const shares = [1, 0.92, 0.84, 0.76, 0.68, 0.6, 0.53, 0.46, 0.4, 0.34, 0.28, 0.22, 0.17, 0.12]

/**
 * The affine range whose quantisation to codes 0..top has the least squared error for `data[from..to)`, zero kept
 * exact; both ends of the range are clipped by the same share. Few outliers cost many small values their precision:
 * at 4 bits and below clipping them is worth it (Banner et al., arXiv 1810.05723; here measured on the values'
 * histogram instead of derived from an assumed distribution). O(values + shares x bins).
 * @param reach where known: the least and the largest value and 0.
 * @throws {RangeError} for a value that is not finite.
 */
export function clippedRange(
  data: Float32Array,
  from: number,
  to: number,
  top: number,
  { low, high }: { readonly low: number; readonly high: number } = reachOf(data, from, to),
): ClippedRange {
  const width = Math.fround(high - low)
  if (!Number.isFinite(width)) {
    throw new RangeError(
      `Cannot quantise: range must be a finite binary32, current value is ${low} to ${high}`,
    )
  }
  if (width < 2 ** -100) return { scale: width > 0 ? 2 ** -100 : 0, zeroPoint: 0 }
  const counts = new Uint32Array(bins)
  const perUnit = (bins - 0.01) / (high - low)
  // Zeros dominate behind a ReLU and are exact anyway. A sample of 64 K values says as much as all.
  const stride = Math.max(1, (to - from) >> 16)
  for (let i = from; i < to; i += stride) counts[((data[i]! - low) * perUnit) | 0]!++
  const zeroBin = (-low * perUnit) | 0
  counts[zeroBin] = 0

  let best = rangeFor(low, high, top)
  let least = Infinity
  for (const share of shares) {
    const range = rangeFor(low * share, high * share, top)
    const error = squaredError(counts, low, 1 / perUnit, range, top)
    // It falls and then rises: what clipping costs soon outgrows what it saves.
    if (error > 2 * least) break
    if (error < least) {
      least = error
      best = range
    }
  }
  return best
}

function reachOf(data: Float32Array, from: number, to: number): { low: number; high: number } {
  let low = 0
  let high = 0
  for (let i = from; i < to; i++) {
    const value = data[i]!
    if (value - value !== 0) {
      throw new RangeError(`Cannot quantise: value ${i} must be finite, current value is ${value}`)
    }
    if (value < low) low = value
    else if (value > high) high = value
  }
  return { low, high }
}

function rangeFor(low: number, high: number, top: number): ClippedRange {
  const scale = Math.fround((high - low) / top)
  return { scale, zeroPoint: Math.min(top, Math.round(-low / scale)) }
}

function squaredError(
  counts: Uint32Array,
  low: number,
  binWidth: number,
  range: ClippedRange,
  top: number,
): number {
  const { scale, zeroPoint } = range
  const inverse = 1 / scale
  let error = 0
  for (let bin = 0; bin < bins; bin++) {
    if (counts[bin] === 0) continue
    const value = low + (bin + 0.5) * binWidth
    const code = Math.max(0, Math.min(top, Math.floor(value * inverse + zeroPoint + 0.5)))
    const difference = value - (code - zeroPoint) * scale
    error += counts[bin]! * difference * difference
  }
  return error
}
