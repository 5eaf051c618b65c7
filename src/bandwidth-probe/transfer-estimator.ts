/**
 * Speed of a direction of the link from timed messages: a message takes t = a + n/b, where n counts the bytes on the
 * way when it was sent, itself included, b is the speed and a what an empty message takes. Least squares over samples
 * whose weight decays with age; dividing one message's size by its time would call a fast link slow because of a. The
 * quickest message of the last minute keeps its place among the samples, since messages of like sizes tell a and b not
 * apart. A sample that the line cannot explain, twice in a row and in the same direction, means that the link has
 * changed: the older samples are dropped. O(samples) a call, 200 at most.
 */
export interface TransferSample {
  /** Payload bytes on the way at the moment of sending, this message included. */
  readonly bytes: number
  readonly ms: number
  readonly atMs: number
}

export interface TransferEstimate {
  readonly bitsPerSecond: number
  /** Milliseconds of a message that carries nothing. */
  readonly baseMs: number
  /** Relative standard deviation of a predicted transfer time. */
  readonly relativeDeviation: number
  /** Since the newest sample. */
  readonly ageMs: number
}

export interface TransferEstimatorOptions {
  /** Age at which a sample weighs 1/e. */
  readonly memoryMs?: number
}

const minimumDeviation = 0.05
const anchorMemoryMs = 60_000
/** Weight of the anchor, relative to all samples together. */
const anchorWeight = 0.1

export class TransferEstimator {
  private readonly memoryMs: number
  private samples: TransferSample[] = []
  private surprises: TransferSample[] = []
  private quickest: readonly TransferSample[] = []

  constructor(options: TransferEstimatorOptions = {}) {
    this.memoryMs = options.memoryMs ?? 8000
  }

  observe(sample: TransferSample): void {
    if (!(sample.ms > 0) || !(sample.bytes > 0)) return
    this.keepQuickest(sample)
    const line = this.fit(sample.atMs)
    if (line === undefined || !isSurprise(sample, line)) {
      // Messages too small to feel the speed neither confirm nor deny what a surprise said of it.
      if (line !== undefined && line.msPerByte * sample.bytes >= line.baseMs / 4) this.acceptSurprises()
      this.samples.push(sample)
    } else if (this.surprises.every((other) => sign(other, line) === sign(sample, line))) {
      this.surprises.push(sample)
      if (this.surprises.length >= 2) {
        this.samples = this.surprises
        this.surprises = []
      }
    } else {
      this.acceptSurprises()
      this.surprises = [sample]
    }
    const oldest = sample.atMs - 4 * this.memoryMs
    while (this.samples.length > 200 || (this.samples.length > 2 && this.samples[0]!.atMs < oldest))
      this.samples.shift()
  }

  /**
   * @param waiting the message that has waited longest for its acknowledgement: it bounds the speed from above while a
   * link dies. Undefined before the first sample.
   */
  estimate(nowMs: number, waiting?: { bytes: number; sinceMs: number }): TransferEstimate | undefined {
    const line = this.fit(nowMs)
    if (line === undefined) return undefined
    const ageMs = nowMs - Math.max(this.samples.at(-1)!.atMs, this.surprises.at(-1)?.atMs ?? 0)
    let { msPerByte } = line
    if (waiting !== undefined && waiting.bytes > 0) {
      const waitedMs = nowMs - waiting.sinceMs
      const expectedMs = line.baseMs + waiting.bytes * msPerByte
      if (waitedMs > 1.5 * expectedMs)
        msPerByte = Math.max(msPerByte, (waitedMs - line.baseMs) / waiting.bytes)
    }
    return { bitsPerSecond: 8000 / msPerByte, baseMs: line.baseMs, relativeDeviation: line.deviation, ageMs }
  }

  /** What looked like a change was an accident: it counts as any other sample. */
  private acceptSurprises(): void {
    this.samples.push(...this.surprises)
    this.surprises = []
  }

  /** True while the newest sample contradicts the others: one more will tell a change from an accident. */
  get doubtful(): boolean {
    return this.surprises.length > 0
  }

  /** Samples that no later one was quicker than, so that the minimum over the last minute is always the first. */
  private keepQuickest(sample: TransferSample): void {
    const oldest = sample.atMs - anchorMemoryMs
    this.quickest = [...this.quickest.filter((other) => other.atMs >= oldest && other.ms < sample.ms), sample]
  }

  private fit(nowMs: number): { baseMs: number; msPerByte: number; deviation: number } | undefined {
    if (this.samples.length === 0) return undefined
    let weight = 0
    let x = 0
    let y = 0
    let xx = 0
    let xy = 0
    for (const sample of this.samples) {
      const w = Math.exp((sample.atMs - nowMs) / this.memoryMs)
      weight += w
      x += w * sample.bytes
      y += w * sample.ms
      xx += w * sample.bytes * sample.bytes
      xy += w * sample.bytes * sample.ms
    }
    const anchor = this.quickest[0]!
    const sampleWeight = weight
    const w = anchorWeight * weight
    weight += w
    x += w * anchor.bytes
    y += w * anchor.ms
    xx += w * anchor.bytes * anchor.bytes
    xy += w * anchor.bytes * anchor.ms
    const spread = weight * xx - x * x
    let msPerByte = (weight * xy - x * y) / spread
    let baseMs = (y - msPerByte * x) / weight
    if (!(spread > 1e-9 * weight * xx) || msPerByte <= 0 || baseMs < 0) {
      // Noise, or large messages only: take half the quickest as the empty message.
      baseMs = anchor.ms / 2
      msPerByte = Math.max((y - weight * baseMs) / x, 1e-7)
    }
    let squares = 0
    for (const sample of this.samples) {
      const w = Math.exp((sample.atMs - nowMs) / this.memoryMs)
      const predicted = baseMs + msPerByte * sample.bytes
      squares += w * ((sample.ms - predicted) / predicted) ** 2
    }
    const deviation = Math.max(
      minimumDeviation,
      Math.sqrt(squares / sampleWeight),
      this.samples.length < 3 ? 0.5 : 0,
    )
    return { baseMs, msPerByte, deviation }
  }
}

type Line = { baseMs: number; msPerByte: number; deviation: number }

function sign(sample: TransferSample, line: Line): number {
  return Math.sign(sample.ms - line.baseMs - line.msPerByte * sample.bytes)
}

/** Off by more than a factor of 1.6 and by more than a scheduler's hiccup. */
function isSurprise(sample: TransferSample, line: Line): boolean {
  const predicted = line.baseMs + line.msPerByte * sample.bytes
  const ratio = sample.ms / predicted
  return (ratio > 1.6 || ratio < 1 / 1.6) && Math.abs(sample.ms - predicted) > 4
}
