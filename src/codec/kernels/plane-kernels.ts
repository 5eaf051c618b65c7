import { instantiate, type KernelInstance } from './instantiate.ts'

/** A coder's place between two codes. */
export interface CoderStates {
  readonly current: number
  readonly other: number
  /** In the bytes. */
  readonly at: number
}

/** Planes whose models are final, from code `from` on, which begins a row. See `plane-coder.ts`. */
export interface FinalPlanes {
  readonly from: number
  readonly channels: number
  readonly width: number
  readonly height: number
  readonly zeroPoints: Uint8Array
  /** `FrequencyTables` of the models. */
  readonly entries: Uint32Array
  readonly slots: Uint8Array
  readonly codedBits: number
  readonly rawBits: number
}

/** Below so many values what is copied to and fro costs more than it saves. */
export const leastForKernels = 1 << 16

const statesBytes = 16
let kept: KernelInstance | undefined

/** An instance with at least so much memory: the last one where it has, since fresh memory costs more than the work. */
function instanceOf(bytes: number): KernelInstance | undefined {
  if (kept === undefined || kept.memory.byteLength < bytes) kept = instantiate(bytes)
  return kept
}

/**
 * Writes the codes from the last down to `from`: the end of the stream, and where the encoder then stands. Undefined where there
 * is no SIMD.
 */
export function writePlanes(
  codes: Uint8Array,
  planes: FinalPlanes,
  states: Omit<CoderStates, 'at'>,
): (Omit<CoderStates, 'at'> & { readonly bytes: Uint8Array }) | undefined {
  const streamBytes = codes.length + (codes.length >> 1) + 16
  const held = holdPlanes(codes, planes, states, streamBytes)
  if (held === undefined) return undefined
  const { at, memory, exports } = held
  const { channels, width, height, codedBits, rawBits, from } = planes
  const end = at.stream + streamBytes
  const begin = exports['encodePlanes']!(
    at.codes,
    from,
    channels,
    width,
    height,
    at.zeros,
    at.entries,
    codedBits,
    rawBits,
    end,
    at.states,
  )
  const [current, other] = new Uint32Array(memory, at.states, 2)
  return { current: current!, other: other!, bytes: new Uint8Array(memory, begin, end - begin) }
}

/**
 * Reads the codes from `from` on into `codes`, which has those before, from `bytes`. Returns where the decoder then stands,
 * 'truncated' where the bytes end before, undefined where there is no SIMD.
 */
export function readPlanes(
  codes: Uint8Array,
  planes: FinalPlanes,
  states: CoderStates,
  bytes: Uint8Array,
): CoderStates | 'truncated' | undefined {
  const rest = bytes.subarray(states.at)
  const held = holdPlanes(codes, planes, states, rest.length)
  if (held === undefined) return undefined
  const { at, memory, exports } = held
  const { channels, width, height, codedBits, rawBits, from } = planes
  const firsts = new Uint8Array(memory, at.firsts, planes.slots.length >> 3)
  for (let i = 0; i < firsts.length; i++) firsts[i] = planes.slots[8 * i]!
  new Uint8Array(memory, at.stream, rest.length).set(rest)
  const stands = exports['decodePlanes']!(
    at.codes,
    from,
    channels,
    width,
    height,
    at.zeros,
    at.entries,
    at.firsts,
    codedBits,
    rawBits,
    at.stream,
    at.stream + rest.length,
    at.states,
  )
  if (stands === 0) return 'truncated'
  codes.set(new Uint8Array(memory, at.codes + from, codes.length - from), from)
  const [current, other] = new Uint32Array(memory, at.states, 2)
  return { current: current!, other: other!, at: states.at + stands - at.stream }
}

/** Where in the memory what lies. */
function places(codes: number, { entries, slots, zeroPoints }: FinalPlanes, streamBytes: number) {
  const at = { states: 0, entries: statesBytes, firsts: 0, zeros: 0, codes: 0, stream: 0, bytes: 0 }
  at.firsts = at.entries + entries.byteLength
  at.zeros = at.firsts + (slots.length >> 3)
  at.codes = at.zeros + zeroPoints.length
  at.stream = at.codes + codes
  at.bytes = at.stream + streamBytes
  return at
}

/** What a coder of planes needs, in an instance's memory, with room for the stream. Undefined where there is no SIMD. */
function holdPlanes(
  codes: Uint8Array,
  planes: FinalPlanes,
  { current, other }: Omit<CoderStates, 'at'>,
  streamBytes: number,
) {
  const at = places(codes.length, planes, streamBytes)
  const instance = instanceOf(at.bytes)
  if (instance === undefined) return undefined
  const { memory, exports } = instance
  const { entries, zeroPoints } = planes
  new Uint32Array(memory, at.entries, entries.length).set(entries)
  new Uint8Array(memory, at.zeros, zeroPoints.length).set(zeroPoints)
  new Uint8Array(memory, at.codes, codes.length).set(codes)
  new Uint32Array(memory, at.states, 2).set([current, other])
  return { at, memory, exports }
}

/** Values in an instance's memory: how far they reach, and their codes. */
export interface HeldValues {
  /** The least and the largest of them and 0; both 0 where one is not finite. */
  readonly low: number
  readonly high: number
  /** Writes the codes: value times `inverse` and `offset`, from 0 to `top`. */
  quantise(inverse: number, offset: number, top: number, codes: Uint8Array): void
}

/** Undefined where there is no SIMD. Valid until the next call of anything here. */
export function holdValues(data: Float32Array): HeldValues | undefined {
  const whole = 4 * Math.ceil(data.length / 4)
  const codesAt = statesBytes + 4 * whole
  const instance = instanceOf(codesAt + whole)
  if (instance === undefined) return undefined
  const { memory, exports } = instance
  const values = new Float32Array(memory, statesBytes, whole)
  values.set(data)
  values.fill(0, data.length)
  exports['extremes']!(statesBytes, whole, 0)
  const [low, high] = new Float32Array(memory, 0, 2)
  return {
    low: low!,
    high: high!,
    quantise(inverse, offset, top, codes) {
      exports['quantise']!(statesBytes, codesAt, whole, inverse, offset, top)
      codes.set(new Uint8Array(memory, codesAt, codes.length))
    },
  }
}
