import { randomBytes } from 'node:crypto'
import { after, type Clock } from '../async/clock.ts'
import type { MqttSession } from '../transport/mqtt-session.ts'
import type { SessionState } from '../transport/session-options.ts'
import type { LinkBelief, LinkDemand, LinkState } from './link-belief.ts'
import { interfaceWith, type LinkClass, linkClassOf } from './link-class.ts'

/** What is needed of a session to know its link. */
export type ProbedSession = Pick<MqttSession, 'publish' | 'onAck' | 'onState' | 'state' | 'inFlight'>

/** What carries a session. */
export interface Carrier {
  /** Of the network interface. */
  readonly name: string
  readonly linkClass: LinkClass
}

export interface LinkProberOptions {
  readonly session: ProbedSession
  readonly belief: LinkBelief
  readonly probeTopic: string
  readonly clock: Clock
  readonly demand: () => LinkDemand
}

const tickMs = 250
const probeTimeoutMs = 10_000

/** Feeds the belief about a session's link with every acknowledgement, and asks the link itself when these get old. */
export class LinkProber {
  private readonly options: LinkProberOptions
  private running: AbortController | undefined
  private stopListening: () => void = () => {}
  /** As of the last connection; undefined where that does not tell. */
  carrier: Carrier | undefined

  constructor(options: LinkProberOptions) {
    this.options = options
  }

  /** How often a session came back over another interface than before, so that what was known of the link was forgotten. */
  get changes(): number {
    return this.options.belief.changes
  }

  /** Safe to repeat. */
  start(): void {
    if (this.running !== undefined) return
    const { session, belief, clock } = this.options
    const stopAcks = session.onAck((receipt) =>
      belief.acknowledged(receipt.packetBytes, receipt.ackMs, clock.now()),
    )
    const follow = (sessionState: SessionState) => {
      if (sessionState.kind !== 'online') return belief.disconnected(clock.now())
      const { localAddress } = sessionState
      const name = localAddress === undefined ? undefined : interfaceWith(localAddress)
      belief.connected(clock.now(), name)
      void this.lookAt(name)
    }
    const stopStates = session.onState(follow)
    follow(session.state)
    this.stopListening = () => {
      stopAcks()
      stopStates()
    }
    this.running = new AbortController()
    void this.probeUntil(this.running.signal)
  }

  stop(): void {
    this.running?.abort()
    this.running = undefined
    this.stopListening()
  }

  get state(): LinkState {
    const { belief, session, clock } = this.options
    return belief.snapshot(clock.now(), session.inFlight())
  }

  private async lookAt(name: string | undefined): Promise<void> {
    this.carrier = name === undefined ? undefined : { name, linkClass: 'unknown' }
    if (name === undefined) return
    const linkClass = await linkClassOf(name)
    if (this.carrier?.name === name) this.carrier = { name, linkClass }
  }

  private async probeUntil(signal: AbortSignal): Promise<void> {
    const { belief, session, clock, demand } = this.options
    while (!signal.aborted) {
      const bytes = belief.nextProbe(clock.now(), session.inFlight(), demand())
      // A probe that fails has said so by its silence.
      if (bytes !== undefined) await this.probe(bytes).catch(() => after(clock, tickMs, signal))
      else await after(clock, tickMs, signal)
    }
  }

  /** Random bytes, so that no compressing link flatters itself. */
  private async probe(bytes: number): Promise<void> {
    const { session, probeTopic } = this.options
    const options = { qos: 1, timeoutMs: probeTimeoutMs, expirySeconds: 1 } as const
    await session.publish(probeTopic, randomBytes(bytes), options)
  }
}
