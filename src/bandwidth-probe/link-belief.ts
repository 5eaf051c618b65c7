import type { LineDeviation } from './line-fit.ts'
import { type TransferEstimate, TransferEstimator } from './transfer-estimator.ts'

export type LinkState =
  /** Nothing has been acknowledged yet. */
  | { readonly kind: 'unknown' }
  /** No session with the broker, or nothing has moved for so long that nothing is expected to. */
  | { readonly kind: 'down'; readonly reason: string; readonly sinceMs: number }
  | {
      readonly kind: 'up'
      readonly uplinkBps: number
      readonly downlinkBps: number
      /** What an empty request and its empty answer take. */
      readonly roundTripMs: number
      /** Payload that has yet to cross. */
      readonly backlogBytes: number
      /** Relative standard deviation of a transfer's time. */
      readonly relativeDeviation: number
      /** The same of many messages' time together; as the former where absent. */
      readonly rateDeviation?: number
      /** How little is known of the uplink's own line; nothing is doubted where absent. */
      readonly line?: LineDeviation
      /** Speed and round trip are there to plan with and have not been measured; they have where absent. */
      readonly isGuess?: boolean
    }

/** A link that may be told of: what was never measured is told to nobody. */
export function unlessGuess<Link extends { readonly isGuess?: boolean }>(
  link: Link | undefined,
): Link | undefined {
  return link?.isGuess === true ? undefined : link
}

/**
 * What the uplink may carry, by one standard deviation of what is known of it: so much is handed to it at once, since
 * a link that is back shows it only by what it carries. Undefined where it is not known.
 */
export function mostUplinkBps(link: LinkState | undefined): number | undefined {
  if (link?.kind !== 'up') return undefined
  const relative = (Math.sqrt(link.line?.byte ?? 0) * link.uplinkBps) / 8000
  return link.uplinkBps * Math.exp(Math.sqrt(Math.log1p(relative ** 2)))
}

/** Payload that has left and is not acknowledged. */
export interface InFlight {
  readonly bytes: number
  /** Of the oldest. */
  readonly oldestBytes?: number | undefined
  readonly oldestSentAtMs: number | undefined
}

export interface LinkBeliefOptions {
  /** Age of the newest sample from which a probe is due. */
  readonly staleMs: number
  readonly probeBytes: number
}

/** The link is called down when the oldest unacknowledged message has waited so long, and longer than expected. */
const stallMs = 1000
/** How many times the expected time that must be. */
const stallFactor = 3
/** Sizes of the first probes, so that the line has two ends from the start; the last ones only where the first were quick. */
const smallProbeBytes = 256
const openingProbes = [smallProbeBytes, 2048, smallProbeBytes, 16_384, 32_768]
/** Sent whatever the link: at 8 kbit/s two seconds. */
const alwaysBytes = 2048
/** Less than half a keepalive: a thin link that is filled for longer is lost, and would be filled again and again. */
const longestProbeMs = 4000
/** What of an exchange's time is chance. */
const jitterShare = 0.1
/** Nothing was asked for so many times the pause between probes. */
const idlePauses = 10
/** Whoever looks once in so long knows of a link that is there. */
const longestPauseMs = 30_000
/** What is assumed of the downlink before the first answer. */
const assumedDownlinkBps = 10e6
/** Share of the uplink that probes may take. */
const probeShare = 0.05
/** Nothing crosses in less: a clock's rounding. */
const leastMs = 0.1
/** Trust in an estimate is lost by this much relative deviation per second of age. */
const agingPerSecond = 0.05
/**
 * What a link carries wanders: the variance of its logarithm grows by so much a second since a message has crossed that
 * was large enough to tell. Cellular links double or halve within a few seconds (Winstein et al., NSDI 2013, figure 1).
 */
const wanderingPerSecond = 0.09
/** Beyond it, by a factor of twenty, no link is expected to differ from what it was. */
const mostWandered = 9
/** A message tells of the speed if it has this share of the largest ones of late, which fade in so many milliseconds. */
const tellingShare = 0.5
const largestFadesMs = 30_000

/** Who would make use of what a probe tells. */
export interface LinkDemand {
  readonly hasWorkers: boolean
  /** Since the last request, milliseconds. */
  readonly idleMs: number
}

const fullDemand: LinkDemand = { hasWorkers: true, idleMs: 0 }

/**
 * What is believed of the link to the pool: a function of what has been seen of it and of the time, which is always an
 * argument (monotonic milliseconds). It sends nothing itself: `link-prober.ts` feeds it and asks what to probe.
 */
export class LinkBelief {
  private readonly options: LinkBeliefOptions
  private up = new TransferEstimator()
  private down = new TransferEstimator()
  /** The network interface of the last session that told. */
  private over: string | undefined
  /** How often a session came back over another interface than before. */
  changes = 0
  private session: { readonly online: boolean; readonly sinceMs: number } = { online: false, sinceMs: 0 }
  private acknowledgedAtMs = Number.NEGATIVE_INFINITY
  private largest = { bytes: 0, atMs: 0 }
  /** When a message was acknowledged that tells of the speed. */
  private toldAtMs = Number.NEGATIVE_INFINITY
  private opening: number[] = []
  /** Of this session the quickest of each size that a first probe has. */
  private firstMs = new Map<number, number>()
  private largeProbe = false

  constructor(options: LinkBeliefOptions) {
    this.options = options
  }

  /**
   * A session stands: what the link can carry now is asked from the beginning.
   * @param over the network interface that carries it, where that is known. What was learned of another says nothing of it.
   */
  connected(atMs: number, over?: string): void {
    if (over !== undefined) {
      if (this.over !== undefined && over !== this.over) this.forget()
      this.over = over
    }
    if (!this.session.online) {
      this.opening = [...openingProbes]
      this.firstMs = new Map()
    }
    this.session = { online: true, sinceMs: atMs }
  }

  private forget(): void {
    this.changes++
    this.up = new TransferEstimator()
    this.down = new TransferEstimator()
    this.acknowledgedAtMs = Number.NEGATIVE_INFINITY
    this.largest = { bytes: 0, atMs: 0 }
    this.toldAtMs = Number.NEGATIVE_INFINITY
  }

  disconnected(atMs: number): void {
    if (this.session.online) this.session = { online: false, sinceMs: atMs }
  }

  /**
   * A message of so many bytes was acknowledged `ms` after it was sent. Where it was sent before the last byte of the one
   * before had crossed, which is as long before that one's acknowledgement as an empty exchange takes, it had to wait,
   * and what lies between the two acknowledgements is its own crossing. Counting all that was in flight instead would
   * count twice what had crossed already.
   */
  acknowledged(bytes: number, ms: number, atMs: number): void {
    if (!(bytes > 0 && ms >= 0) || !Number.isFinite(bytes + ms)) return
    const baseMs = this.up.estimate(atMs)?.baseMs ?? 0
    const isQueued = atMs - ms < this.acknowledgedAtMs - baseMs
    const sinceMs = isQueued ? this.acknowledgedAtMs : atMs - ms
    this.acknowledgedAtMs = atMs
    // A packet is a little more than its payload.
    if (this.opening.length > 0 && bytes < 2 * alwaysBytes)
      this.firstMs.set(bytes, Math.min(ms, this.firstMs.get(bytes) ?? ms))
    this.up.observe({ bytes, ms: Math.max(leastMs, atMs - sinceMs), atMs, isQueued })
    const largestBytes = this.largest.bytes * Math.exp(Math.min(0, this.largest.atMs - atMs) / largestFadesMs)
    // What follows another at once tells, too: nothing but its own bytes is in its time.
    if (bytes >= tellingShare * largestBytes || isQueued) this.toldAtMs = atMs
    if (bytes >= largestBytes) this.largest = { bytes, atMs }
  }

  /** An answer of `bytes` took `ms` on its way down. */
  answered(bytes: number, ms: number, atMs: number): void {
    this.down.observe({ bytes, ms: Math.max(ms, leastMs), atMs })
  }

  snapshot(nowMs: number, inFlight: InFlight): LinkState {
    const { online, sinceMs } = this.session
    if (!online) return { kind: 'down', reason: 'no session with the broker', sinceMs }
    const { bytes, oldestSentAtMs } = inFlight
    // The oldest waits for its acknowledgement since it could have begun to cross.
    const waiting =
      oldestSentAtMs === undefined
        ? undefined
        : { bytes, sinceMs: Math.max(oldestSentAtMs, this.acknowledgedAtMs) }
    const up = this.up.estimate(nowMs, waiting)
    if (up === undefined) return { kind: 'unknown' }
    if (waiting !== undefined) {
      const waitedMs = nowMs - waiting.sinceMs
      if (waitedMs > Math.max(stallMs, stallFactor * this.usualMs(nowMs, bytes))) {
        const reason = `nothing acknowledged for ${Math.round(waitedMs)} ms`
        return { kind: 'down', reason, sinceMs: waiting.sinceMs }
      }
    }
    // Of the oldest message a part has crossed since it could begin to; what is on its way back says nothing yet.
    const crossingMs = waiting === undefined ? 0 : Math.max(0, nowMs - waiting.sinceMs)
    const crossedBytes = Math.min(inFlight.oldestBytes ?? 0, (crossingMs * up.bitsPerSecond) / 8000)
    const down = this.down.estimate(nowMs)
    const agedDeviation = (agingPerSecond * up.ageMs) / 1000
    return {
      kind: 'up',
      uplinkBps: up.bitsPerSecond,
      downlinkBps: down?.bitsPerSecond ?? assumedDownlinkBps,
      roundTripMs: up.baseMs + (down?.baseMs ?? 0),
      backlogBytes: bytes - crossedBytes,
      relativeDeviation: Math.hypot(up.relativeDeviation, agedDeviation),
      rateDeviation: Math.hypot(up.rateDeviation, agedDeviation),
      line: this.wandered(up, nowMs),
      isGuess: up.isGuess,
    }
  }

  /**
   * Bytes of the probe that is due now, or undefined where none is: old estimates are renewed at a pace that leaves the
   * link to others, a contradiction is settled at once, and a new session begins with small and large ones in turn. While
   * nobody asks anything the pauses grow to half a minute; without workers one small probe tells that there is a link.
   * Each call that returns a size counts as sent. One probe at a time: one behind another would measure the queue.
   */
  nextProbe(nowMs: number, inFlight: InFlight, demand: LinkDemand = fullDemand): number | undefined {
    if (!this.session.online || inFlight.bytes > 0) return undefined
    if (!demand.hasWorkers && this.opening.length < openingProbes.length) return undefined
    if (this.opening.length > 0 && !this.carries(this.opening[0]!)) this.opening = []
    if (this.opening.length > 0) return this.opening.shift()
    const estimate = this.up.estimate(nowMs)
    if (estimate !== undefined && !this.up.doubtful) {
      const paceMs = (8000 * this.options.probeBytes) / (probeShare * estimate.bitsPerSecond)
      const idlePauseMs = Math.min(longestPauseMs, demand.idleMs / idlePauses)
      if (estimate.ageMs <= Math.max(this.options.staleMs, paceMs, idlePauseMs)) return undefined
    }
    // Small and large in turn: the line needs both ends.
    this.largeProbe = !this.largeProbe || this.up.doubtful
    return this.largeProbe ? this.options.probeBytes : smallProbeBytes
  }

  /** Whether a first probe of so many bytes will have crossed in time, by how long the smaller ones took. */
  private carries(bytes: number): boolean {
    if (bytes <= alwaysBytes) return true
    const [least, most] = [Math.min(...this.firstMs.keys()), Math.max(...this.firstMs.keys())]
    if (!(most > least)) return false
    const [leastMs, mostMs] = [this.firstMs.get(least)!, this.firstMs.get(most)!]
    const msPerByte = (Math.max(0, mostMs - leastMs) + jitterShare * leastMs) / (most - least)
    return leastMs + msPerByte * bytes <= longestProbeMs
  }

  /** The line's own doubts, and how far the speed may have wandered since it was told. */
  private wandered({ line, bitsPerSecond }: TransferEstimate, nowMs: number): LineDeviation {
    const told = (wanderingPerSecond * Math.max(0, nowMs - this.toldAtMs)) / 1000
    const variance = Math.expm1(Math.min(told, mostWandered))
    return { ...line, byte: line.byte + variance * (8000 / bitsPerSecond) ** 2 }
  }

  private usualMs(nowMs: number, bytes: number): number {
    const estimate = this.up.estimate(nowMs)
    return estimate === undefined ? 0 : estimate.baseMs + (8000 * bytes) / estimate.bitsPerSecond
  }
}
