import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { median, medianAbsoluteDeviation } from 'simple-statistics'
import { measured } from '../async/measured.ts'
import type { EngineName, Precision } from '../executor/engine.ts'
import type { RunReply, RunRequest } from '../executor/inference-protocol.ts'
import { keyIn, type SegmentChain } from '../executor/segment-chain.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import type { Profile } from './profile.ts'

export interface ProfileSubject {
  readonly modelHash: string
  readonly engine: EngineName
  readonly threads: number
  readonly slowdown: number
  readonly workSlowdown?: number
  /** Of the engine's package: another one computes in another time. */
  readonly engineVersion?: string
}

/** Under which the crossing tensors are kept while they are measured. */
const request = 'profile'
const segmentRuns = { warmUp: 3, measured: 12 }
// As many before as let the kernels be compiled for speed.
const codecRuns = { warmUp: 8, measured: 5 }

/** Carries runs out, as the inference host does. */
export interface ProfiledEngine {
  readonly run: (request: RunRequest) => Promise<RunReply>
  readonly drop: (request: string) => void
  /** Told before each segment, from 0. */
  readonly onSegment?: (index: number) => void
}

/**
 * Names the kind of machine that this is, in a profile: what it takes has nothing to do with what it is called, and the
 * processors of two Raspberry Pis are both "unknown" to Node, so that the board says which one it is.
 */
export function machineName(): string {
  return `${boardName() ?? cpus()[0]?.model ?? process.arch} x${cpus().length}`
}

/** As the device tree has it, on boards that have one. */
function boardName(): string | undefined {
  try {
    return readFileSync('/proc/device-tree/model', 'utf8').replaceAll('\0', '').trim()
  } catch {
    return undefined
  }
}

/**
 * The times of a chain's segments in another precision, one after the other.
 * @param inputs Of the first wound, in its order.
 */
export async function measureSegments(
  chain: SegmentChain,
  precision: Precision,
  inputs: readonly TensorValue[],
  engine: ProfiledEngine,
): Promise<Profile['segments']> {
  try {
    const nothing = new Map<string, never[]>()
    const parts = await measureParts(chain, inputs, nothing, engine, chain.segments.length, precision)
    return parts.segments
  } finally {
    engine.drop(request)
  }
}

/**
 * Measures the segments of a chain one after the other on real inputs, and each feature codec at each wound.
 * @param inputs Of the first wound, in its order.
 * @param loaded How many segments there are on this machine, from the first.
 */
export async function measureProfile(
  subject: ProfileSubject,
  chain: SegmentChain,
  inputs: readonly TensorValue[],
  codecOptions: ReadonlyMap<string, readonly { readonly codec: string }[]>,
  engine: ProfiledEngine,
  loaded = chain.segments.length,
): Promise<Profile> {
  try {
    const parts = await measureParts(chain, inputs, codecOptions, engine, loaded)
    return { ...profileOfNothing(subject), ...parts }
  } finally {
    engine.drop(request)
  }
}

async function measureParts(
  chain: SegmentChain,
  inputs: readonly TensorValue[],
  codecOptions: ReadonlyMap<string, readonly { readonly codec: string }[]>,
  { run, onSegment }: ProfiledEngine,
  loaded: number,
  precision: Precision = 'float32',
): Promise<Pick<Profile, 'segments' | 'codecs'>> {
  const segments: Profile['segments'] = []
  const codecs: Profile['codecs'] = []
  await run({
    request,
    segments: [],
    input: { kind: 'values', tensors: chain.wounds[0]!.tensors, values: inputs },
    output: chain.wounds[0]!.tensors,
    keep: true,
    values: false,
  })
  for (const [i, segment] of chain.segments.slice(0, loaded).entries()) {
    onSegment?.(i)
    const output = chain.crossing(i + 1)
    const step: RunRequest = {
      request,
      segments: [keyIn(precision, segment)],
      input: { kind: 'kept' },
      output,
      keep: false,
      values: false,
    }
    const times = await measured(segmentRuns, async () => (await run(step)).segmentMs[0]!)
    segments.push({
      from: chain.wounds[i]!.id,
      to: chain.wounds[i + 1]!.id,
      operations: segment.operations,
      medianMs: median(times),
      madMs: medianAbsoluteDeviation(times),
      runs: segmentRuns.measured,
    })
    await run({ ...step, keep: true })
    if (i + 1 === chain.segments.length) break
    const wound = chain.wounds[i + 1]!.id
    for (const { codec } of codecOptions.get(wound) ?? []) {
      const replies = await measured(codecRuns, () =>
        run({ ...step, segments: [], encode: { codec, wound } }),
      )
      codecs.push({
        wound,
        codec,
        encodeMs: median(replies.map((reply) => reply.encodeMs)),
        bytes: replies[0]!.encoded.reduce((sum, part) => sum + part.bytes.length, 0),
      })
    }
  }
  return { segments, codecs }
}

/** The profile of a machine that computes nothing. */
export function profileOfNothing(subject: ProfileSubject): Profile {
  const measuredAt = new Date().toISOString()
  return { version: 2, ...subject, machine: machineName(), measuredAt, segments: [], codecs: [] }
}
