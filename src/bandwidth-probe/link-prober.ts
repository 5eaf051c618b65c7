import { randomBytes } from 'node:crypto'
import { after, type Clock } from '../async/clock.ts'
import type { MqttSession } from '../transport/mqtt-session.ts'
import type { LinkBelief, LinkDemand, LinkState } from './link-belief.ts'

/** What is needed of a session to know its link. */
export type ProbedSession = Pick<MqttSession, 'publish' | 'onAck' | 'onState' | 'state' | 'inFlight'>

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

  constructor(options: LinkProberOptions) {
    this.options = options
  }

  /** Safe to repeat. */
  start(): void {
    if (this.running !== undefined) return
    const { session, belief, clock } = this.options
    const stopAcks = session.onAck((receipt) =>
      belief.acknowledged(receipt.packetBytes, receipt.ackMs, clock.now()),
    )
    const follow = (online: boolean) =>
      online ? belief.connected(clock.now()) : belief.disconnected(clock.now())
    const stopStates = session.onState((state) => follow(state.kind === 'online'))
    follow(session.state.kind === 'online')
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
