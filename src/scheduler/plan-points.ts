import { featureCodec } from '../codec/feature-codecs.ts'
import { isInputCodec, rawInput } from '../codec/image-codecs.ts'
import type { SegmentChain } from '../executor/segment-chain.ts'
import type { InputEstimate } from '../latency-model/edge-belief.ts'
import { fitOperations, predictMs } from '../latency-model/operation-regression.ts'
import { fastestWhole, headMs, type Profile, wholeMs } from '../latency-model/profile.ts'
import { elementsOf, type LayerGraph } from '../model-graph/layer-graph.ts'
import { crossingShapes } from './candidate-wounds.ts'
import type { CodecOption } from './codec-options.ts'
import { inputWound, type PlanPoint } from './plan-point.ts'

/** Header and names of a frame of a few parts. */
const frameOverheadBytes = 120
/** Results come back as float16. */
const resultBytesPerValue = 2

export interface PlanSpace {
  readonly graph: LayerGraph
  readonly chain: SegmentChain
  readonly profile: Profile
  /** What it takes to make the model's input of the message. */
  readonly inputMs: number
  /** What may cross, by wound. */
  readonly codecs: ReadonlyMap<string, readonly CodecOption[]>
  /** Of a condensed answer; the outputs themselves come back where absent. */
  readonly answerBytes?: number | undefined
  /** What the input is expected to be in each codec it may cross in. */
  readonly inputs: ReadonlyMap<string, InputEstimate>
}

/**
 * Every way to split between this edge and a worker: wounds x codecs, the local plan not included. Pure.
 * @param tailMs by wound, as the worker announced it; wounds it has not measured are predicted from those it has.
 * @param pictureMs what of `input`'s is decoding a picture.
 */
export function planPoints(
  space: PlanSpace,
  tailMs: ReadonlyMap<string, number>,
  pictureMs = 0,
): PlanPoint[] {
  const { graph, chain, profile, inputMs, codecs, inputs } = space
  const tails = tailOperations(chain)
  const pieces = chain.wounds.flatMap(({ id }, i) => {
    const ms = tailMs.get(id)
    return ms === undefined ? [] : [{ operations: tails[i]!, ms }]
  })
  if (pieces.length === 0) return []
  const regression = fitOperations(pieces)
  const whole = wholeMs(profile)
  const local = fastestWhole(profile)
  const resultBytes = frameOverheadBytes + (space.answerBytes ?? resultBytesPerValue * outputValues(graph))
  return chain.wounds.slice(0, -1).flatMap((wound, i): PlanPoint[] => {
    const announcedMs = tailMs.get(wound.id) ?? predictMs(regression, tails[i]!)
    if (wound.id === inputWound) {
      return [...inputs].map(([codec, { bytes, encodeMs }]) => ({
        wound: wound.id,
        codec,
        // Of what is made to be sent nothing is left to be done where the edge goes on by itself.
        inputMs: codec === rawInput ? 0 : inputMs,
        headMs: 0,
        encodeMs: 0,
        sendMs: encodeMs,
        bytes: bytes + frameOverheadBytes,
        precision: local.precision,
        localTailMs: local.ms,
        backendDecode: isDecoded(codec) ? 'picture' : 'none',
        backendDecodeMs: isDecoded(codec) ? pictureMs : 0,
        backendTailMs: Math.max(0, announcedMs - pictureMs),
        resultBytes,
      }))
    }
    const head = headMs(profile, wound.id)
    return (codecs.get(wound.id) ?? []).map(({ codec, bytes, decodeMs = 0 }) => {
      const measured = profile.codecs.find((entry) => entry.wound === wound.id && entry.codec === codec)
      return {
        wound: wound.id,
        codec,
        inputMs,
        headMs: head,
        encodeMs: measured?.encodeMs ?? 0,
        sendMs: 0,
        bytes: (bytes ?? measured?.bytes ?? expectedBytes(graph, chain, i, codec)) + frameOverheadBytes,
        localTailMs: whole - head,
        backendDecode: 'features',
        backendDecodeMs: decodeMs,
        backendTailMs: announcedMs,
        resultBytes,
      }
    })
  })
}

/**
 * What the next input is expected to be in each codec it may cross in.
 * @param received the message's bytes, and what making the model's input of it takes.
 * @param observed what earlier inputs were.
 */
export function expectInputs(
  graph: LayerGraph,
  options: readonly CodecOption[],
  received: { readonly bytes: number; readonly decodeMs: number },
  observed: ReadonlyMap<string, InputEstimate> = new Map(),
): Map<string, InputEstimate> {
  const pixelBytes = graph.inputs.reduce((sum, id) => sum + elementsOf(graph.tensors[id]!), 0)
  return new Map(
    options.map(({ codec, bytes = received.bytes }) => {
      if (!isInputCodec(codec))
        return [codec, { bytes: featureCodec(codec).expectedBytes(pixelBytes, 1), encodeMs: 0 }]
      if (codec === 'received') return [codec, { bytes: received.bytes, encodeMs: 0 }]
      if (codec === rawInput) return [codec, { bytes: pixelBytes, encodeMs: received.decodeMs }]
      return [codec, observed.get(codec) ?? { bytes, encodeMs: 0 }]
    }),
  )
}

/** Whether a worker decodes a picture of it. */
function isDecoded(codec: string): boolean {
  return isInputCodec(codec) && codec !== rawInput
}

/** Operations that are left behind each wound of a chain. */
function tailOperations(chain: SegmentChain): number[] {
  const left = [0]
  for (const segment of chain.segments.toReversed()) left.unshift(left[0]! + segment.operations)
  return left
}

function expectedBytes(graph: LayerGraph, chain: SegmentChain, i: number, codec: string): number {
  return crossingShapes(graph, chain.wounds[i]!).reduce(
    (sum, { elements, channels }) => sum + featureCodec(codec).expectedBytes(elements, channels),
    0,
  )
}

function outputValues(graph: LayerGraph): number {
  return graph.outputs.reduce((sum, id) => sum + elementsOf(graph.tensors[id]!), 0)
}
