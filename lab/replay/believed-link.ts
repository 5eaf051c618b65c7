import { LinkBelief } from '../../src/bandwidth-probe/link-belief.ts'
import type { UplinkBelief } from './stream-world.ts'

/** What a simulated agent believes of its link; all it learns are acknowledgements. */
export interface BelievedLink {
  /** A message is handed to the link, behind all that is on its way. */
  sent(id: number, bytes: number, atMs: number): void
  acknowledged(id: number, atMs: number): void
  belief(nowMs: number): UplinkBelief
  /** Bytes to send only in order to learn; 0 where enough is known. */
  probeBytes(nowMs: number): number
}

/** A link whose constant speed is known. */
export function knownLink(bps: number): BelievedLink {
  return {
    sent() {},
    acknowledged() {},
    belief: () => ({ bps, relativeDeviation: 0 }),
    probeBytes: () => 0,
  }
}

const probe = { staleMs: 2000, probeBytes: 4096 }
/** Before anything was acknowledged. */
const assumedBps = 256_000
/** Nothing is planned to be sent. */
const deadBps = 1

/** The agent's own belief, fed as the agent feeds it. */
export function estimatedLink(): BelievedLink {
  const link = new LinkBelief(probe)
  link.connected(0)
  const onTheWay = new Map<number, { readonly bytes: number; readonly sinceMs: number }>()
  const inFlight = () => {
    const messages = [...onTheWay.values()]
    const bytes = messages.reduce((sum, message) => sum + message.bytes, 0)
    return { bytes, oldestBytes: messages[0]?.bytes, oldestSentAtMs: messages[0]?.sinceMs }
  }
  return {
    sent(id, bytes, atMs) {
      onTheWay.set(id, { bytes, sinceMs: atMs })
    },
    acknowledged(id, atMs) {
      const { bytes, sinceMs } = onTheWay.get(id)!
      onTheWay.delete(id)
      link.acknowledged(bytes, atMs - sinceMs, atMs)
    },
    belief(nowMs) {
      const state = link.snapshot(nowMs, inFlight())
      if (state.kind === 'unknown') return { bps: assumedBps, relativeDeviation: 0.5 }
      if (state.kind === 'down') return { bps: deadBps, relativeDeviation: 0 }
      return { bps: state.uplinkBps, relativeDeviation: state.rateDeviation ?? state.relativeDeviation }
    },
    probeBytes: (nowMs) => link.nextProbe(nowMs, inFlight()) ?? 0,
  }
}
