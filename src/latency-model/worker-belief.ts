import { LiveSlowdown } from './live-slowdown.ts'

/** What a worker announced of one model. */
export interface AnnouncedModel {
  /** Wound -> milliseconds of its tail; at `input` with decoding a picture. */
  readonly tailMs: ReadonlyMap<string, number>
  /** What of `input`'s milliseconds is decoding a picture. */
  readonly pictureMs: number
  /** What a request that comes now waits before it is begun. */
  readonly queueMs: number
}

/** What a request asks of a worker, as announced: nothing here is slowed down yet. */
export interface AskedWork {
  readonly decode: 'picture' | 'features' | 'none'
  readonly decodeMs: number
  readonly tailMs: number
}

/** What a worker said it took. */
export interface DoneWork {
  readonly queueMs: number
  readonly decodeMs: number
  /** Of the call of the engine; undefined where others were finished in it: a batch's time says nothing of one. */
  readonly tailMs: number | undefined
}

/**
 * How far a worker is believed (the states of a circuit breaker, Nygard, Release It!): one that failed is doubted, one
 * that failed twice running rests, and after each rest one request tells whether it goes on.
 */
export type Trust =
  | { readonly kind: 'trusted' }
  | { readonly kind: 'doubted' }
  | { readonly kind: 'resting'; readonly untilMs: number }
  /** The rest is over: one request may try. */
  | { readonly kind: 'on-trial' }

/** A worker as it is believed to be at one moment. */
export interface PooledWorker extends AnnouncedModel {
  readonly id: string
  /** What a request waits there: as announced, but at least what this agent has there itself. */
  readonly queueMs: number
  /** What this agent has there itself. */
  readonly ownMs: number
  /** How much slower than announced its last answers were, by kind of work. */
  readonly tailFactor: number
  readonly pictureFactor: number
  readonly featuresFactor: number
  readonly outstanding: number
  /** When this agent last sent it something; -Infinity before. */
  readonly lastSentAtMs: number
  readonly trust: Trust
}

const firstRestMs = 2000
const longestRestMs = 60_000
const strikesToRest = 2
/** An answer is missing, and not only late, when it has taken so many times as long as expected, and so much longer. */
const lateFactor = 3
const lateGraceMs = 50
/**
 * What was given up would have taken longer than it had, by half on average where times are spread as a Pareto law of
 * index 3 has them. At the bare elapsed time a worker that is always a little too late would be asked for ever.
 */
const unfinishedFactor = 1.5

interface Outstanding {
  readonly work: AskedWork
  /** When the broker had all of it: from then on it is the worker's turn, and not the link's. */
  arrivedAtMs: number | undefined
}

/**
 * What is believed of one worker, from what it announced and from everything that became of the requests it was sent:
 * answers in time and late, failures, and those given up, which say that it would have taken longer (censored).
 * Believing its wins alone would call a worker that never answers as fast as it announced, for ever. Pure over events
 * and time (monotonic milliseconds, an argument).
 */
export class WorkerBelief {
  private readonly id: string
  private announced: AnnouncedModel
  private readonly tail = new LiveSlowdown()
  private readonly picture = new LiveSlowdown()
  private readonly features = new LiveSlowdown()
  private readonly outstanding = new Map<string, Outstanding>()
  private lastSentAtMs = -Infinity
  private busyUntilMs = -Infinity
  private strikes = 0
  private rests = 0
  private restUntilMs = -Infinity

  constructor(id: string, announced: AnnouncedModel) {
    this.id = id
    this.announced = announced
  }

  /** It says something new of itself. What was learned of it stays: a word is no proof. */
  announce(announced: AnnouncedModel): void {
    this.announced = announced
  }

  sent(request: string, work: AskedWork, atMs: number): void {
    this.outstanding.set(request, { work, arrivedAtMs: undefined })
    this.lastSentAtMs = atMs
  }

  /** The broker has acknowledged the whole request. */
  arrived(request: string, atMs: number): void {
    const outstanding = this.outstanding.get(request)
    if (outstanding !== undefined) outstanding.arrivedAtMs = atMs
  }

  /** Its answer is there, whether or not anybody still waits for it. */
  answered(request: string, done: DoneWork, atMs: number): void {
    const outstanding = this.outstanding.get(request)
    if (outstanding === undefined) return
    this.outstanding.delete(request)
    const { decode, decodeMs, tailMs } = outstanding.work
    if (done.tailMs !== undefined) this.tail.observe(done.tailMs, tailMs, atMs)
    if (decode !== 'none') this[decode].observe(done.decodeMs, decodeMs, atMs)
    this.strikes = 0
    this.rests = 0
    this.restUntilMs = -Infinity
  }

  /** The request did not get there, or was wrong itself: that says nothing of the worker. */
  forget(request: string): void {
    this.outstanding.delete(request)
  }

  /** It refused because it has too much to do, and said for how long: no fault, and believed until then. */
  refused(request: string, queueMs: number, atMs: number): void {
    this.outstanding.delete(request)
    if (queueMs >= 0 && queueMs < Infinity) this.busyUntilMs = Math.max(this.busyUntilMs, atMs + queueMs)
  }

  /** It answered with an error, or nobody takes its requests. */
  failed(request: string, atMs: number): void {
    this.outstanding.delete(request)
    this.strike(atMs)
  }

  /**
   * Nobody waits any longer. Silence counts against a worker only for the time after the request had arrived: before
   * that it is the link that was slow.
   * @param returnMs what the answer was expected to take on its way down.
   */
  givenUp(request: string, returnMs: number, atMs: number): void {
    const outstanding = this.outstanding.get(request)
    if (outstanding === undefined) return
    const { work, arrivedAtMs } = outstanding
    const expected = this.expectedMs(work, atMs)
    this.outstanding.delete(request)
    if (arrivedAtMs === undefined) return
    const elapsedMs = atMs - arrivedAtMs - returnMs - this.queueMs(atMs)
    if (elapsedMs > lateFactor * expected + lateGraceMs) return this.strike(atMs)
    const decodeMs = work.decode === 'none' ? 0 : this[work.decode].factorAt(atMs) * work.decodeMs
    this.tail.observeAtLeast(unfinishedFactor * elapsedMs - decodeMs, work.tailMs, atMs)
  }

  snapshot(nowMs: number): PooledWorker {
    const { id, announced, tail, picture, features, outstanding, lastSentAtMs } = this
    return {
      id,
      ...announced,
      queueMs: this.queueMs(nowMs),
      ownMs: this.ownMs(nowMs),
      tailFactor: tail.factorAt(nowMs),
      pictureFactor: picture.factorAt(nowMs),
      featuresFactor: features.factorAt(nowMs),
      outstanding: outstanding.size,
      lastSentAtMs,
      trust: this.trustAt(nowMs),
    }
  }

  private trustAt(nowMs: number): Trust {
    if (this.strikes === 0) return { kind: 'trusted' }
    if (this.strikes < strikesToRest) return { kind: 'doubted' }
    if (nowMs < this.restUntilMs) return { kind: 'resting', untilMs: this.restUntilMs }
    return { kind: 'on-trial' }
  }

  private strike(atMs: number): void {
    this.strikes++
    if (this.strikes < strikesToRest) return
    this.restUntilMs = atMs + Math.min(longestRestMs, firstRestMs * 2 ** this.rests)
    this.rests++
  }

  /** Announced, or what this agent itself has there, whichever is more: announcements come seldom. */
  private queueMs(nowMs: number): number {
    return Math.max(this.announced.queueMs, this.ownMs(nowMs), this.busyUntilMs - nowMs)
  }

  private ownMs(nowMs: number): number {
    let own = 0
    for (const { work } of this.outstanding.values()) own += this.expectedMs(work, nowMs)
    return own
  }

  private expectedMs({ decode, decodeMs, tailMs }: AskedWork, nowMs: number): number {
    const decoding = decode === 'none' ? 0 : this[decode].factorAt(nowMs) * decodeMs
    return decoding + this.tail.factorAt(nowMs) * tailMs
  }
}
