import { bytesPerOpportunity, type MahimahiTrace } from './mahimahi-trace.ts'

/** Rates one after the other; the last one holds from there on. */
export interface RateSteps {
  /** Ascending, the first at 0; at least one. Bits per second, 0 is an outage. */
  readonly steps: readonly { readonly fromMs: number; readonly bps: number }[]
}

/** Bits per second (0 is an outage, Infinity no limit), or a recorded trace. */
export type Capacity = number | MahimahiTrace | RateSteps

/**
 * How much a link can have carried since it was given this capacity, as a never falling curve and its inverse.
 * Keeping the total and not a credit per tick is what keeps the average rate exact: no rounding accumulates.
 */
export interface CapacityCurve {
  /** Bytes that could have crossed by `elapsedMs`; may be fractional. */
  bytesBy(elapsedMs: number): number
  /** The first moment, in ms, at which `bytes` could have crossed; Infinity in an outage. */
  timeOf(bytes: number): number
  /** Largest piece worth moving at once: a packet, or less where a packet takes longer than 5 ms. */
  readonly pieceBytes: number
}

const pieceMs = 5

function constantCurve(bps: number): CapacityCurve {
  // An unlimited link is a terabit link: infinite positions could not be subtracted.
  const bytesPerMs = Math.min(bps, 1e12) / 8000
  return {
    bytesBy: (elapsedMs) => elapsedMs * bytesPerMs,
    timeOf: (bytes) => (bytesPerMs === 0 ? Number.POSITIVE_INFINITY : bytes / bytesPerMs),
    pieceBytes: Math.max(1, Math.min(bytesPerOpportunity, Math.floor(bytesPerMs * pieceMs))),
  }
}

/** Both directions of the curve cost a binary search or less, whatever the length of the trace. */
function traceCurve({ opportunitiesMs }: MahimahiTrace): CapacityCurve {
  const count = opportunitiesMs.length
  const periodMs = opportunitiesMs.at(-1) ?? 0
  const upTo = (ms: number): number => {
    let low = 0
    let high = count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (opportunitiesMs[middle]! <= ms) low = middle + 1
      else high = middle
    }
    return low
  }
  return {
    bytesBy(elapsedMs) {
      const rounds = Math.floor(elapsedMs / periodMs)
      return bytesPerOpportunity * (rounds * count + upTo(elapsedMs - rounds * periodMs))
    },
    timeOf(bytes) {
      if (bytes <= 0) return 0
      const index = Math.ceil(bytes / bytesPerOpportunity) - 1
      const rounds = Math.floor(index / count)
      return rounds * periodMs + opportunitiesMs[index - rounds * count]!
    },
    pieceBytes: bytesPerOpportunity,
  }
}

/** As for traces, a binary search or less. */
function stepsCurve({ steps }: RateSteps): CapacityCurve {
  const fromBytes = [0]
  for (const [i, { fromMs, bps }] of steps.slice(0, -1).entries())
    fromBytes.push(fromBytes[i]! + ((steps[i + 1]!.fromMs - fromMs) * bps) / 8000)
  const lastWhere = (isReached: (i: number) => boolean): number => {
    let low = 0
    let high = steps.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (isReached(middle)) low = middle
      else high = middle - 1
    }
    return low
  }
  return {
    bytesBy(elapsedMs) {
      const i = lastWhere((step) => steps[step]!.fromMs <= elapsedMs)
      return fromBytes[i]! + ((elapsedMs - steps[i]!.fromMs) * steps[i]!.bps) / 8000
    },
    timeOf(bytes) {
      if (bytes <= 0) return 0
      const i = lastWhere((step) => fromBytes[step]! < bytes)
      const { fromMs, bps } = steps[i]!
      return fromMs + ((bytes - fromBytes[i]!) * 8000) / bps
    },
    pieceBytes: bytesPerOpportunity,
  }
}

/** @throws {RangeError} where a rate is negative or NaN, or a trace has no period or steps that are not in order */
export function capacityCurve(capacity: Capacity, field = 'capacity'): CapacityCurve {
  if (typeof capacity === 'object' && 'steps' in capacity) {
    for (const [i, { fromMs, bps }] of capacity.steps.entries()) {
      const isInOrder = i === 0 ? fromMs === 0 : fromMs > capacity.steps[i - 1]!.fromMs
      if (!isInOrder || !(bps >= 0 && bps < Infinity))
        throw new RangeError(
          `Cannot shape the link: step ${i} of ${field} must come after those before it, the first at 0 ms, at >= 0 bits per second, current value is ${bps} from ${fromMs} ms`,
        )
    }
    if (capacity.steps.length === 0)
      throw new RangeError(
        `Cannot shape the link: ${field} must have at least one step, current value is none`,
      )
    return stepsCurve(capacity)
  }
  if (typeof capacity !== 'number') {
    if (!((capacity.opportunitiesMs.at(-1) ?? 0) > 0))
      throw new RangeError(
        `Cannot shape the link: ${field} must be a trace that ends after 0 ms, current value is a trace of ${capacity.opportunitiesMs.length} opportunities`,
      )
    return traceCurve(capacity)
  }
  if (!(capacity >= 0))
    throw new RangeError(
      `Cannot shape the link: ${field} must be >= 0 bits per second, current value is ${capacity}`,
    )
  return constantCurve(capacity)
}
