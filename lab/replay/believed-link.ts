import { TransferEstimator } from '../../src/bandwidth-probe/transfer-estimator.ts'
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

const probeBytes = 4096
const staleMs = 2000
/** Before anything was acknowledged. */
const assumedBps = 256_000

/** The agent's own estimator, fed as the agent feeds it. */
export function estimatedLink(): BelievedLink {
  const estimator = new TransferEstimator()
  const onTheWay = new Map<number, { bytes: number; ahead: number; sinceMs: number }>()
  let waitingBytes = 0
  let lastSentMs = -Infinity
  return {
    sent(id, bytes, atMs) {
      waitingBytes += bytes
      lastSentMs = atMs
      onTheWay.set(id, { bytes, ahead: waitingBytes, sinceMs: atMs })
    },
    acknowledged(id, atMs) {
      const message = onTheWay.get(id)!
      onTheWay.delete(id)
      waitingBytes -= message.bytes
      estimator.observe({ bytes: message.ahead, ms: atMs - message.sinceMs, atMs })
    },
    belief(nowMs) {
      const [oldest] = onTheWay.values()
      const estimate = estimator.estimate(nowMs, oldest && { bytes: oldest.ahead, sinceMs: oldest.sinceMs })
      if (estimate === undefined) return { bps: assumedBps, relativeDeviation: 0.5 }
      return { bps: estimate.bitsPerSecond, relativeDeviation: estimate.relativeDeviation }
    },
    probeBytes: (nowMs) => (onTheWay.size === 0 && nowMs - lastSentMs >= staleMs ? probeBytes : 0),
  }
}
