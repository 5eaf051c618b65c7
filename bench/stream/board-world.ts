import type { MeasuredEdge } from '../../api/measured-edge.ts'
import type { WorldPlan } from '../../lab/replay/stream-world.ts'
import { headMs, type Profile, wholeMs } from '../../src/latency-model/profile.ts'
import { mixName } from '../../src/scheduler/plan-frame.ts'
import { localPoint, paretoPoints } from '../../src/scheduler/plan-point.ts'
import { expectInputs, planPoints } from '../../src/scheduler/plan-points.ts'

/** A Raspberry Pi 4 against this kind of machine in JavaScript and image work. */
const codecFactor = 4

/** What edge and worker take for the whole model, and how large an input is. */
export interface Machines {
  readonly boardMs: number
  readonly backendMs: number
  readonly inputBytes: number
}

/**
 * The plans between an edge and workers that take so long for the whole model. Of this machine only the segments' shares
 * of it are used, so that what else runs here changes nothing; encoding takes what the calibration saw, slowed to a
 * Raspberry Pi 4.
 */
export function boardPlans(edge: MeasuredEdge, { boardMs, backendMs, inputBytes }: Machines): WorldPlan[] {
  const { model, chain, codecs, calibration } = edge
  const whole = wholeMs(edge.profile)
  const encodeMs = ({ wound, codec, encodeMs: measuredMs }: Profile['codecs'][number]) =>
    codecFactor *
    (calibration?.rows.find((row) => row.wound === wound && row.codec === codec)?.encodeMs ?? measuredMs)
  const profile: Profile = {
    ...edge.profile,
    segments: edge.profile.segments.map((segment) => ({
      ...segment,
      medianMs: (segment.medianMs * boardMs) / whole,
    })),
    codecs: edge.profile.codecs.map((entry) => ({ ...entry, encodeMs: encodeMs(entry) })),
  }
  const tails = chain.wounds
    .slice(0, -1)
    .map(({ id }): [string, number] => [id, (backendMs * (boardMs - headMs(profile, id))) / boardMs])
  const inputs = expectInputs(model.graph, codecs.get('input') ?? [], { bytes: inputBytes, decodeMs: 0 })
  const space = { graph: model.graph, chain, profile, inputMs: 0, codecs, inputs }
  const points = paretoPoints([...planPoints(space, new Map(tails)), localPoint(boardMs)])
  return points.map((point) => ({
    name: mixName(point),
    edgeMs: point.headMs + point.encodeMs + codecFactor * point.sendMs,
    bytes: point.bytes,
    backendMs: point.backendDecodeMs + point.backendTailMs,
  }))
}
