/**
 * Speed of a direction of the link from timed messages: a message that had the link to itself takes t = a + n/b, where n
 * is its bytes, b the speed and a what an empty message takes; one that waited behind another ends n/b after that one.
 * Least squares over samples whose weight decays with age; dividing one message's size by its time would call a fast
 * link slow because of a, and adding a believed a to those that waited would only confirm what was believed. The
 * quickest message of the last minute keeps its place among the samples, since messages of like sizes tell a and b not
 * apart. A sample that the line cannot explain, three in a row and in the same direction, means that the link has
 * changed: everything older is dropped.
 *
 * How far a prediction can be trusted is told by how the last ones came true, surprises included: residuals of the fit
 * would say how well the line explains what it was drawn through.
 *
 * The fit is kept as decayed sums: O(1) a sample and a question, but for the few samples that may be the quickest.
 */
export interface TransferSample {
  readonly bytes: number
  /** From being sent, or from the end of the message that it waited behind, to its acknowledgement. */
  readonly ms: number
  readonly atMs: number
  /** It waited behind another. */
  readonly isQueued?: boolean
}

export interface TransferEstimate {
  readonly bitsPerSecond: number
  /** Milliseconds of a message that carries nothing. */
  readonly baseMs: number
  /** Standard deviation of a transfer's time relative to its prediction, from how the last predictions came true. */
  readonly relativeDeviation: number
  /**
   * Of the time that many messages took together, half a second of them and more: what delays one and hurries the next is
   * not in it. How much of the link can be planned away is a matter of this one.
   */
  readonly rateDeviation: number
  /** Since the newest sample. */
  readonly ageMs: number
}

export interface TransferEstimatorOptions {
  /** Age at which a sample weighs 1/e. */
  readonly memoryMs?: number
}

const minimumDeviation = 0.05
/** Assumed of an estimate that has hardly been tried. */
const untriedDeviation = 0.5
/** So many in a row mean that the link has changed; with two, the noise of cellular links is taken for changes. */
const surprisesOfChange = 3
const anchorMemoryMs = 60_000
/** Weight of the anchor, relative to all samples together. */
const anchorWeight = 0.1
/** How many predictions the spread is taken over. */
const rememberedRatios = 60
/** Messages are judged together over so much predicted time; */
const stretchMs = 500
/** the spread is taken over so many stretches. */
const rememberedStretches = 12
/** One message that took ten times as long says no more than one that took thrice: the link was another. */
const largestRatio = 3

export class TransferEstimator {
  private readonly memoryMs: number
  private sums: Sums = noSums
  private samples = 0
  private newestAtMs = -Infinity
  private surprises: TransferSample[] = []
  private quickest: readonly TransferSample[] = []
  /** What messages took over what was predicted of them, newest last. */
  private readonly ratios: number[] = []
  private stretch = { predictedMs: 0, ms: 0 }
  private readonly stretchRatios: number[] = []

  constructor(options: TransferEstimatorOptions = {}) {
    this.memoryMs = options.memoryMs ?? 8000
  }

  /** Samples that cannot be (not positive, not finite) teach nothing. */
  observe(sample: TransferSample): void {
    if (!(sample.ms > 0 && sample.bytes > 0) || !Number.isFinite(sample.ms + sample.bytes)) return
    const line = this.fit()
    this.newestAtMs = Math.max(this.newestAtMs, sample.atMs)
    if (line === undefined) return this.include(sample)
    this.judge(sample.ms, timeOf(line, sample))
    if (!isSurprise(sample, line)) {
      // Messages too small to feel the speed neither confirm nor deny what a surprise said of it.
      if (line.msPerByte * sample.bytes >= line.baseMs / 4) this.acceptSurprises()
      this.include(sample)
    } else if (this.surprises.every((other) => sign(other, line) === sign(sample, line))) {
      this.surprises.push(sample)
      if (this.surprises.length >= surprisesOfChange) this.startAnew()
    } else {
      this.acceptSurprises()
      this.surprises = [sample]
    }
  }

  /**
   * @param waiting the message that has waited longest for its acknowledgement: it bounds the speed from above while a
   * link dies. Undefined before the first sample.
   */
  estimate(nowMs: number, waiting?: { bytes: number; sinceMs: number }): TransferEstimate | undefined {
    const line = this.fit()
    if (line === undefined) return undefined
    let { msPerByte } = line
    if (waiting !== undefined && waiting.bytes > 0) {
      const waitedMs = nowMs - waiting.sinceMs
      if (waitedMs > 1.5 * (line.baseMs + line.msPerByte * waiting.bytes))
        msPerByte = Math.max(msPerByte, (waitedMs - line.baseMs) / waiting.bytes)
    }
    return {
      bitsPerSecond: 8000 / msPerByte,
      baseMs: line.baseMs,
      relativeDeviation: this.deviation(),
      rateDeviation: this.rateDeviation(),
      ageMs: Math.max(0, nowMs - this.newestAtMs),
    }
  }

  /** True while the newest sample contradicts the others: one more will tell a change from an accident. */
  get doubtful(): boolean {
    return this.surprises.length > 0
  }

  /** Root mean square of how far predictions were off, relative to them. */
  private deviation(): number {
    const { ratios, samples } = this
    if (ratios.length === 0) return untriedDeviation
    const untried = samples < 3 ? untriedDeviation : minimumDeviation
    return Math.max(untried, rootMeanSquareFromOne(ratios))
  }

  private rateDeviation(): number {
    const { stretchRatios, samples } = this
    if (stretchRatios.length === 0) return this.deviation()
    const floor = samples < 3 ? untriedDeviation : minimumDeviation
    return Math.max(floor, rootMeanSquareFromOne(stretchRatios))
  }

  /** How a prediction came true. */
  private judge(ms: number, predictedMs: number): void {
    remember(this.ratios, Math.min(largestRatio, ms / predictedMs), rememberedRatios)
    this.stretch = { predictedMs: this.stretch.predictedMs + predictedMs, ms: this.stretch.ms + ms }
    if (this.stretch.predictedMs < stretchMs) return
    const ratio = Math.min(largestRatio, this.stretch.ms / this.stretch.predictedMs)
    remember(this.stretchRatios, ratio, rememberedStretches)
    this.stretch = { predictedMs: 0, ms: 0 }
  }

  private include(sample: TransferSample): void {
    this.sums = added(this.sums, sample, this.memoryMs)
    this.samples++
    if (sample.isQueued === true) return
    // Samples that no later one was quicker than, so that the minimum over the last minute is always the first.
    const oldest = sample.atMs - anchorMemoryMs
    this.quickest = [...this.quickest.filter((other) => other.atMs >= oldest && other.ms < sample.ms), sample]
  }

  /** What looked like a change was an accident: it counts as any other sample. */
  private acceptSurprises(): void {
    for (const sample of this.surprises) this.include(sample)
    this.surprises = []
  }

  /** The link is another: what was known of the old one, its quickest message included, would only mislead. */
  private startAnew(): void {
    this.sums = noSums
    this.samples = 0
    this.quickest = []
    this.acceptSurprises()
  }

  private fit(): Line | undefined {
    const anchor = this.quickest[0]
    // The first message on a link has it to itself, so that there is one.
    if (anchor === undefined) return undefined
    const w = anchorWeight * this.sums.weight
    const free = this.sums.free + w
    const x = this.sums.x + w * anchor.bytes
    const y = this.sums.y + w * anchor.ms
    const xx = this.sums.xx + w * anchor.bytes * anchor.bytes
    const xy = this.sums.xy + w * anchor.bytes * anchor.ms
    const spread = free * xx - x * x
    const msPerByte = (free * xy - x * y) / spread
    const baseMs = (y - msPerByte * x) / free
    if (spread > 1e-9 * free * xx && msPerByte > 0 && baseMs >= 0) return { baseMs, msPerByte }
    // Noise, or messages of one size only: take half the quickest as the empty message.
    const half = anchor.ms / 2
    return { baseMs: half, msPerByte: Math.max((xy - x * half) / xx, 1e-7) }
  }
}

interface Line {
  readonly baseMs: number
  readonly msPerByte: number
}

/**
 * Of the samples, each weighed by exp(-age / memory) as of `atMs`: ages cancel in the fit, so no other time is needed.
 * Those that waited say nothing of the empty message, and are not among `free`, `x` and `y`.
 */
interface Sums {
  readonly atMs: number
  readonly weight: number
  readonly free: number
  readonly x: number
  readonly y: number
  readonly xx: number
  readonly xy: number
}

const noSums: Sums = { atMs: 0, weight: 0, free: 0, x: 0, y: 0, xx: 0, xy: 0 }

function added(sums: Sums, sample: TransferSample, memoryMs: number): Sums {
  const { bytes, ms, atMs, isQueued = false } = sample
  const newestMs = sums.weight === 0 ? atMs : Math.max(sums.atMs, atMs)
  const old = Math.exp((sums.atMs - newestMs) / memoryMs)
  const fresh = Math.exp((atMs - newestMs) / memoryMs)
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

function timeOf(line: Line, { bytes, isQueued = false }: TransferSample): number {
  return (isQueued ? 0 : line.baseMs) + line.msPerByte * bytes
}

function remember(values: number[], value: number, most: number): void {
  values.push(value)
  if (values.length > most) values.shift()
}

function rootMeanSquareFromOne(ratios: readonly number[]): number {
  const squares = ratios.reduce((sum, ratio) => sum + (ratio - 1) ** 2, 0)
  return Math.sqrt(squares / ratios.length)
}

function sign(sample: TransferSample, line: Line): number {
  return Math.sign(sample.ms - timeOf(line, sample))
}

/** Off by more than a factor of 1.6 and by more than a scheduler's hiccup. */
function isSurprise(sample: TransferSample, line: Line): boolean {
  const predicted = timeOf(line, sample)
  const ratio = sample.ms / predicted
  return (ratio > 1.6 || ratio < 1 / 1.6) && Math.abs(sample.ms - predicted) > 4
}
