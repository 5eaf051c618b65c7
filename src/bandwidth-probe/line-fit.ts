/**
 * The line t = a + n/b through timed messages, and how little is known of it: least squares over samples whose weight
 * decays with age, and over what was believed before them (Bayesian linear regression, e.g. Bishop, Pattern Recognition
 * and Machine Learning, 3.3). Kept as sums: O(1) a sample and a question.
 */
export interface TransferSample {
  readonly bytes: number
  /** From being sent, or from the end of the message that it waited behind, to its acknowledgement. */
  readonly ms: number
  readonly atMs: number
  /** It waited behind another. */
  readonly isQueued?: boolean
}

export interface Line {
  /** Of an empty message. */
  readonly baseMs: number
  readonly msPerByte: number
}

/**
 * How little is known of the line itself: variances and covariance of what an empty message takes, and of what a byte
 * adds. Small where messages of a size have crossed just now, large for sizes that none had, and growing with age.
 */
export interface LineDeviation {
  /** Square milliseconds; a byte; a byte squared. */
  readonly base: number
  readonly cross: number
  readonly byte: number
}

/** What is believed before the samples that count. */
export interface LinePrior extends Line {
  /** How many times it may be wrong. */
  readonly looseness: number
}

/**
 * Of samples, each weighed by exp(-age / memory) as of `atMs`: ages cancel in the fit, so no other time is needed. Those
 * that waited say nothing of the empty message, and are not among `free`, `x` and `y`.
 */
export interface Sums {
  readonly atMs: number
  readonly weight: number
  readonly free: number
  readonly x: number
  readonly y: number
  readonly xx: number
  readonly xy: number
}

export const noSums: Sums = { atMs: 0, weight: 0, free: 0, x: 0, y: 0, xx: 0, xy: 0 }

/** Weight of the anchor, relative to all samples together. */
const anchorWeight = 0.1
/** What an empty message took before is doubted by at least as much as if it were this. */
const doubtedBaseMs = 10
/** Nothing is faster: 80 Gbps, and a clock's rounding. */
const leastMsPerByte = 1e-7
const leastBaseMs = 0.01
/** No message is quicker than an empty one, but for so much noise. */
const quickestMargin = 1.5
/** Of the quickest message what an empty one takes, where the samples would have it be less than nothing. */
const emptyShare = 0.1

/**
 * @param spreadMs what the variance of the sample's time is proportional to: what took long met more chances, and says
 * less of the line than what took little.
 */
export function added(sums: Sums, sample: TransferSample, spreadMs: number, memoryMs: number): Sums {
  const { bytes, ms, atMs, isQueued = false } = sample
  const newestMs = sums.weight === 0 ? atMs : Math.max(sums.atMs, atMs)
  const old = sums.weight === 0 ? 0 : Math.exp((sums.atMs - newestMs) / memoryMs)
  const fresh = Math.exp((atMs - newestMs) / memoryMs) / spreadMs
  const own = isQueued ? 0 : fresh
  return {
    atMs: newestMs,
    weight: old * sums.weight + fresh,
    free: old * sums.free + own,
    x: old * sums.x + own * bytes,
    y: old * sums.y + own * ms,
    xx: old * sums.xx + fresh * bytes * bytes,
    xy: old * sums.xy + fresh * bytes * ms,
  }
}

export interface FitOptions {
  /** The quickest message that had the link to itself, of a while: it keeps its place among the samples. */
  readonly anchor: TransferSample
  readonly prior: LinePrior
  /** Relative, of single messages about the line. */
  readonly noise: number
  /** Age at which a sample weighs 1/e. */
  readonly memoryMs: number
}

/** @returns the line, and what is doubted of it at `nowMs`; always positive and finite. */
export function fitLine(
  sums: Sums,
  nowMs: number,
  { anchor, prior, noise, memoryMs }: FitOptions,
): Line & { readonly deviation: LineDeviation } {
  const w = anchorWeight * sums.weight
  // Of one sample's variance what a millisecond of it has.
  const variance = (noise ** 2 * (sums.y + w * anchor.ms)) / (sums.free + w)
  const priorWeight = (value: number) => variance / (prior.looseness * value) ** 2
  const ofBase = priorWeight(Math.max(doubtedBaseMs, prior.baseMs))
  const ofByte = priorWeight(prior.msPerByte)
  const known = {
    free: sums.free + w,
    x: sums.x + w * anchor.bytes,
    xx: sums.xx + w * anchor.bytes * anchor.bytes,
  }
  const free = known.free + ofBase
  const { x } = known
  const xx = known.xx + ofByte
  const y = sums.y + w * anchor.ms + ofBase * prior.baseMs
  const xy = sums.xy + w * anchor.bytes * anchor.ms + ofByte * prior.msPerByte
  const priors = { ofBase, ofByte }
  const msPerByte = (free * xy - x * y) / determinant(known, priors)
  const baseMs = (y - msPerByte * x) / free
  // What is not seen any more stays what it was believed to be, but is doubted more and more.
  const left = Math.exp(Math.min(0, sums.atMs - nowMs) / memoryMs)
  const faded = { free: left * known.free, x: left * x, xx: left * known.xx }
  const scale = variance / determinant(faded, priors)
  const deviation = {
    base: scale * (faded.xx + ofByte),
    cross: -scale * faded.x,
    byte: scale * (faded.free + ofBase),
  }
  const mostBaseMs = quickestMargin * anchor.ms
  if (msPerByte >= leastMsPerByte && baseMs >= leastBaseMs && baseMs <= mostBaseMs)
    return { baseMs, msPerByte, deviation }
  if (msPerByte < leastMsPerByte) {
    // Nothing is sent in less than no time: of what the samples leave possible the mean of what lies above. The ratio of
    // tail to density that it needs is Sampford's lower bound ("Some inequalities on Mill's ratio", 1953), at most 11 % off.
    const doubt = (variance * free) / determinant(known, priors)
    const slowed = Math.max(leastMsPerByte, (Math.sqrt(msPerByte ** 2 + 8 * doubt) + msPerByte) / 4)
    const emptyMs = Math.min(mostBaseMs, Math.max(leastBaseMs, (y - slowed * x) / free))
    return { baseMs: emptyMs, msPerByte: slowed, deviation }
  }
  // An empty message takes next to nothing, or noise has it take more than one with something in it.
  const nearestMs = baseMs > mostBaseMs ? mostBaseMs : emptyShare * anchor.ms
  return { baseMs: nearestMs, msPerByte: Math.max(leastMsPerByte, (xy - x * nearestMs) / xx), deviation }
}

/** Of the normal equations with what was believed before: a sum of what cannot be negative, whatever is rounded. */
function determinant(
  { free, x, xx }: Pick<Sums, 'free' | 'x' | 'xx'>,
  { ofBase, ofByte }: { readonly ofBase: number; readonly ofByte: number },
): number {
  return Math.max(0, free * xx - x * x) + ofBase * xx + ofByte * free + ofBase * ofByte
}

/** What the line says of a message. */
export function timeOf(line: Line, { bytes, isQueued = false }: TransferSample): number {
  return (isQueued ? 0 : line.baseMs) + line.msPerByte * bytes
}

/** Standard deviation of what the line says of a message of so many bytes, milliseconds. */
export function lineDeviationMs({ base, cross, byte }: LineDeviation, bytes: number): number {
  return Math.sqrt(Math.max(0, base + 2 * cross * bytes + byte * bytes * bytes))
}
