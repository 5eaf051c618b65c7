import {
  added,
  fitLine,
  type Line,
  type LineDeviation,
  type LinePrior,
  noSums,
  type Sums,
  type TransferSample,
  timeOf,
} from './line-fit.ts'

/**
 * Speed of a direction of the link from timed messages: a message that had the link to itself takes t = a + n/b, where n
 * is its bytes, b the speed and a what an empty message takes; one that waited behind another ends n/b after that one.
 * Least squares over samples whose weight decays with age; dividing one message's size by its time would call a fast
 * link slow because of a, and adding a believed a to those that waited would only confirm what was believed. The
 * quickest message of the last minute keeps its place among the samples, since messages of like sizes tell a and b not
 * apart. A sample that the line cannot explain, three in a row and in the same direction, means that the link has
 * changed: everything older is dropped but what is then doubted: the line that was believed before.
 *
 * How far a prediction can be trusted is told by how the last ones came true, surprises included: residuals of the fit
 * would say how well the line explains what it was drawn through.
 *
 * The fit is kept as decayed sums: O(1) a sample and a question, but for the few samples that may be the quickest.
 */
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
  readonly line: LineDeviation
  /** No two messages have told speed and base apart: both are made up from the time of one size. */
  readonly isGuess: boolean
  /** Since the newest sample. */
  readonly ageMs: number
}

export interface TransferEstimatorOptions {
  /** Age at which a sample weighs 1/e. */
  readonly memoryMs?: number
}

const minimumDeviation = 0.05
/** Of many messages together, once some have been: chance evens out, and what is kept free of the link answers nobody. */
const minimumRateDeviation = 0.01
/** An estimate of fewer has hardly been tried; */
const fewSamples = 3
/** this is assumed of it. */
const untriedDeviation = 0.5
/** So many in a row mean that the link has changed; with two, the noise of cellular links is taken for changes. */
const surprisesOfChange = 3
const anchorMemoryMs = 60_000
/** How many predictions the spread is taken over. */
const rememberedRatios = 60
/** Messages are judged together over so much predicted time; */
const stretchMs = 500
/** the spread is taken over so many stretches. */
const rememberedStretches = 12
/** One message that took ten times as long says no more than one that took thrice: the link was another. */
const largestRatio = 3
/** After so many predictions it is known how much noise there is, be it none. */
const triedOften = 5
/** What a busy machine adds to any time. */
const hiccupMs = 1
/** Clocks round. */
const leastNoise = 1e-3
const leastMs = 0.01
/**
 * How many times a line may differ from the one before it: the first sample says next to nothing of base and speed; a
 * link that has changed is still of its kind, and small messages alone must not say that it has another speed.
 */
const firstLooseness = 100
const changedLooseness = 10
/** Messages tell speed and base apart where one has so many times the bytes of another, or where one waited behind another. */
const tellingSizes = 4

export class TransferEstimator {
  private readonly memoryMs: number
  private sums: Sums = noSums
  /** What was believed before the samples that count now. */
  private prior: LinePrior | undefined
  private samples = 0
  private newestAtMs = -Infinity
  private leastBytes = Infinity
  private mostBytes = 0
  private hasQueued = false
  private surprises: TransferSample[] = []
  private quickest: readonly TransferSample[] = []
  /** What messages took over what was predicted of them, newest last. */
  private readonly ratios: number[] = []
  /** The same of messages that told of no change: what is noise about the line. */
  private readonly noise: number[] = []
  private stretch = { predictedMs: 0, ms: 0 }
  private readonly stretchRatios: number[] = []

  constructor(options: TransferEstimatorOptions = {}) {
    this.memoryMs = options.memoryMs ?? 8000
  }

  /** Samples that cannot be (not positive, not finite) teach nothing. */
  observe(told: TransferSample): void {
    if (!(told.ms > 0 && told.bytes > 0) || !Number.isFinite(told.ms + told.bytes)) return
    const sample = { ...told, ms: Math.max(leastMs, told.ms) }
    const line = this.fit(sample.atMs)
    this.newestAtMs = Math.max(this.newestAtMs, sample.atMs)
    this.leastBytes = Math.min(this.leastBytes, sample.bytes)
    this.mostBytes = Math.max(this.mostBytes, sample.bytes)
    this.hasQueued ||= line !== undefined && sample.isQueued === true
    if (line === undefined) {
      const half = sample.ms / 2
      this.prior = { baseMs: half, msPerByte: half / sample.bytes, looseness: firstLooseness }
      return this.include({ ...sample, isQueued: false })
    }
    this.judge(sample.ms, timeOf(line, sample))
    if (!isSurprise(sample, line)) {
      // Messages too small to feel the speed neither confirm nor deny what a surprise said of it.
      if (line.msPerByte * sample.bytes >= line.baseMs / 4) this.acceptSurprises(line)
      this.hear(sample, line)
      this.include(sample)
    } else if (this.surprises.every((other) => sign(other, line) === sign(sample, line))) {
      this.surprises.push(sample)
      if (this.surprises.length >= surprisesOfChange) this.startAnew(line)
    } else {
      this.acceptSurprises(line)
      this.surprises = [sample]
    }
  }

  /**
   * @param waiting the message that has waited longest for its acknowledgement: it bounds the speed from above while a
   * link dies. Undefined before the first sample.
   */
  estimate(nowMs: number, waiting?: { bytes: number; sinceMs: number }): TransferEstimate | undefined {
    const line = this.fit(nowMs)
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
      line: line.deviation,
      isGuess: !this.hasQueued && this.mostBytes < tellingSizes * this.leastBytes,
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
    const untried = samples < fewSamples ? untriedDeviation : minimumDeviation
    return Math.max(untried, rootMeanSquareFromOne(ratios))
  }

  private rateDeviation(): number {
    const { stretchRatios, samples } = this
    if (stretchRatios.length === 0) return this.deviation()
    const tried = stretchRatios.length < triedOften ? minimumDeviation : minimumRateDeviation
    const floor = samples < fewSamples ? untriedDeviation : tried
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
    const { ms, isQueued = false } = sample
    // Acknowledgements that come together are as far apart as chance has it: by shares of what an exchange takes.
    const spreadMs = hiccupMs + ms + (isQueued ? (this.quickest[0]?.ms ?? 0) : 0)
    this.sums = added(this.sums, sample, spreadMs, this.memoryMs)
    this.samples++
    if (isQueued) return
    // Samples that no later one was quicker than, so that the minimum over the last minute is always the first.
    const oldest = sample.atMs - anchorMemoryMs
    this.quickest = [...this.quickest.filter((other) => other.atMs >= oldest && other.ms < sample.ms), sample]
  }

  /** What looked like a change was an accident: it counts as any other sample. */
  private acceptSurprises(line: Line): void {
    for (const sample of this.surprises) {
      this.hear(sample, line)
      this.include(sample)
    }
    this.surprises = []
  }

  private hear(sample: TransferSample, line: Line): void {
    remember(this.noise, Math.min(largestRatio, sample.ms / timeOf(line, sample)), rememberedRatios)
  }

  /** The link is another: what was known of the old one, its quickest message included, would only mislead. */
  private startAnew({ baseMs, msPerByte }: Line): void {
    const looseness = this.samples < fewSamples ? firstLooseness : changedLooseness
    // A speed that was far too high would else hold itself for sure.
    const slowest = Math.min(
      ...this.surprises.map(({ bytes, ms, isQueued = false }) => (ms - (isQueued ? 0 : baseMs)) / bytes),
    )
    this.prior = { baseMs, msPerByte, looseness: looseness * Math.max(1, slowest / msPerByte) }
    this.sums = noSums
    this.samples = 0
    const [quickest] = this.quickest
    this.quickest = []
    for (const sample of this.surprises) this.include(sample)
    // Of messages that all waited nothing is heard of an empty one.
    if (this.quickest.length === 0 && quickest !== undefined) this.quickest = [quickest]
    this.surprises = []
  }

  private fit(nowMs: number) {
    const { prior, sums, noise, memoryMs } = this
    const anchor = this.quickest[0]
    if (prior === undefined || anchor === undefined) return undefined
    const least = noise.length < triedOften ? minimumDeviation : 0
    const heard = noise.length === 0 ? 0 : rootMeanSquareFromOne(noise)
    return fitLine(sums, nowMs, { anchor, prior, noise: Math.max(least, leastNoise, heard), memoryMs })
  }
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
