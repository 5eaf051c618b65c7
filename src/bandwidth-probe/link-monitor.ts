import { randomBytes } from 'node:crypto'
import type { MqttSession } from '../transport/mqtt-session.ts'
import { TransferEstimator } from './transfer-estimator.ts'

export type LinkState =
  /** Nothing has been acknowledged yet. */
  | { readonly kind: 'unknown' }
  /** No session with the broker, or nothing has moved for so long that nothing is expected to. */
  | { readonly kind: 'down'; readonly reason: string }
  | {
      readonly kind: 'up'
      readonly uplinkBps: number
      readonly downlinkBps: number
      /** What an empty request and its empty answer take. */
      readonly roundTripMs: number
      /** Payload on its way up, unacknowledged. */
      readonly backlogBytes: number
      /** Relative standard deviation of a transfer's time. */
      readonly relativeDeviation: number
    }

export interface LinkMonitorOptions {
  readonly session: MqttSession
  readonly probeTopic: string
  /** Age of the newest sample from which a probe is sent. */
  readonly staleMs: number
  readonly probeBytes: number
  readonly now?: () => number
}

const tickMs = 250
/** The link is called down when the oldest unacknowledged message has waited so long, and longer than expected. */
const stallMs = 1000
/** Sizes of the first probes, so that the line has two ends from the start. */
const smallProbeBytes = 256
const openingProbes = [smallProbeBytes, 16_384, smallProbeBytes, 32_768]
/** What is assumed of the downlink before the first answer. */
const assumedDownlinkBps = 10e6
/** Share of the uplink that probes may take. */
const probeShare = 0.05
/** Trust in an estimate is lost by this much relative deviation per second of age. */
const agingPerSecond = 0.05

/** Knows the link from every acknowledgement and every answer, and asks it with a small message when these get old. */
export class LinkMonitor {
  private readonly options: LinkMonitorOptions
  private readonly now: () => number
  private readonly up = new TransferEstimator()
  private readonly down = new TransferEstimator()
  private timer: NodeJS.Timeout | undefined
  private stopListening: (() => void) | undefined
  private opening: number[] = []
  private probing = false
  private largeProbe = false

  constructor(options: LinkMonitorOptions) {
    this.options = options
    this.now = options.now ?? (() => performance.now())
  }

  start(): void {
    if (this.timer !== undefined) return
    const { session } = this.options
    const stopAcks = session.onAck((receipt) =>
      this.up.observe({ bytes: receipt.inFlightBytes, ms: receipt.ackMs, atMs: this.now() }),
    )
    const stopStates = session.onState((state) => {
      if (state.kind === 'online') this.opening = [...openingProbes]
    })
    this.stopListening = () => {
      stopAcks()
      stopStates()
    }
    if (session.state.kind === 'online') this.opening = [...openingProbes]
    this.timer = setInterval(() => void this.tick(), tickMs)
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
    this.stopListening?.()
    this.stopListening = undefined
  }

  /** An answer of `bytes` that took `ms` on its way down. */
  observeDownlink(bytes: number, ms: number): void {
    this.down.observe({ bytes, ms: Math.max(ms, 0.1), atMs: this.now() })
  }

  get state(): LinkState {
    const { session } = this.options
    if (session.state.kind !== 'online') return { kind: 'down', reason: 'no session with the broker' }
    const nowMs = this.now()
    const { bytes, oldestSentAtMs } = session.inFlight()
    const waiting = oldestSentAtMs === undefined ? undefined : { bytes, sinceMs: oldestSentAtMs }
    const up = this.up.estimate(nowMs, waiting)
    if (up === undefined) return { kind: 'unknown' }
    if (waiting !== undefined) {
      const waitedMs = nowMs - waiting.sinceMs
      const usualMs = this.usualMs(nowMs, waiting.bytes)
      if (waitedMs > Math.max(stallMs, 3 * usualMs)) {
        return { kind: 'down', reason: `nothing acknowledged for ${Math.round(waitedMs)} ms` }
      }
    }
    const down = this.down.estimate(nowMs)
    return {
      kind: 'up',
      uplinkBps: up.bitsPerSecond,
      downlinkBps: down?.bitsPerSecond ?? assumedDownlinkBps,
      roundTripMs: up.baseMs + (down?.baseMs ?? 0),
      backlogBytes: bytes,
      relativeDeviation: Math.hypot(up.relativeDeviation, (agingPerSecond * up.ageMs) / 1000),
    }
  }

  private usualMs(nowMs: number, bytes: number): number {
    const estimate = this.up.estimate(nowMs)
    return estimate === undefined ? 0 : estimate.baseMs + (8000 * bytes) / estimate.bitsPerSecond
  }

  /** Old estimates are renewed, at a pace that leaves the link to others; a contradiction is settled at once. */
  private due(): boolean {
    const estimate = this.up.estimate(this.now())
    if (estimate === undefined || this.up.doubtful) return true
    const paceMs = (8000 * this.options.probeBytes) / (probeShare * estimate.bitsPerSecond)
    return estimate.ageMs > Math.max(this.options.staleMs, paceMs)
  }

  /** Small and large in turn: the line needs both ends. */
  private nextProbeBytes(): number {
    this.largeProbe = !this.largeProbe || this.up.doubtful
    return this.largeProbe ? this.options.probeBytes : smallProbeBytes
  }

  private async tick(): Promise<void> {
    const { session } = this.options
    if (this.probing || session.state.kind !== 'online' || session.inFlight().bytes > 0) return
    this.probing = true
    try {
      // One after the other: a probe behind another would measure the queue.
      while (this.opening.length > 0) await this.probe(this.opening.shift()!)
      if (this.due()) await this.probe(this.nextProbeBytes())
    } catch {
      // A probe that fails has said so by its silence.
    }
    this.probing = false
  }

  /** Random bytes, so that no compressing link flatters itself. */
  private async probe(bytes: number): Promise<void> {
    const { session, probeTopic } = this.options
    await session.publish(probeTopic, randomBytes(bytes), { qos: 1, timeoutMs: 10_000, expirySeconds: 1 })
  }
}
