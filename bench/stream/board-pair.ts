import type { MeasuredEdge } from '../../api/measured-edge.ts'
import type { MachinePair } from '../../lab/replay/machine-pair.ts'
import { headMs, type Profile, wholeMs } from '../../src/latency-model/profile.ts'

/** A Raspberry Pi 4 against this kind of machine in JavaScript and image work. */
const codecFactor = 4

/**
 * An edge and workers that take so long for the whole model. Of this machine only the segments' shares of it are used, so
 * that what else runs here changes nothing; encoding takes what the calibration saw, slowed to a Raspberry Pi 4.
 */
export function boardPair(
  { model, chain, codecs, calibration, profile, answer }: MeasuredEdge,
  { boardMs, backendMs }: { readonly boardMs: number; readonly backendMs: number },
): MachinePair {
  const whole = wholeMs(profile)
  const encodeMs = ({ wound, codec, encodeMs: measuredMs }: Profile['codecs'][number]) =>
    codecFactor *
    (calibration?.rows.find((row) => row.wound === wound && row.codec === codec)?.encodeMs ?? measuredMs)
  const ofBoard: Profile = {
    ...profile,
    segments: profile.segments.map((segment) => ({
      ...segment,
      medianMs: (segment.medianMs * boardMs) / whole,
    })),
    codecs: profile.codecs.map((entry) => ({ ...entry, encodeMs: encodeMs(entry) })),
  }
  const tails = chain.wounds
    .slice(0, -1)
    .map(({ id }): [string, number] => [id, (backendMs * (boardMs - headMs(ofBoard, id))) / boardMs])
  return {
    setup: {
      graph: model.graph,
      chain,
      profile: ofBoard,
      policy: 'surgeon',
      codecs,
      resume: 'at-once',
      answer,
    },
    tailMs: new Map(tails),
  }
}
