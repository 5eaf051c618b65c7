import { BitWriter } from '../entropy/bit-writer.ts'
import { type FrequencyTables, probabilityBits } from '../entropy/frequency-tables.ts'
import { damaged, ransStart, truncated } from '../entropy/rans.ts'
import { kernelMemory } from '../kernels/kernel-memory.ts'
import { createKernels } from '../kernels/kernels.ts'
import { readOutcome } from '../kernels/read-outcome.ts'
import type { CoefficientModels } from './coefficients.ts'

const lengthBytes = 3
const escapeBits = 16
export const largestCode = 2 ** (escapeBits - 1) - 1

/** Models of a level, and where each coefficient that is sent lies: bytes from the first one. */
export interface PlacedModels extends Pick<CoefficientModels, 'contexts' | 'shifts' | 'steps' | 'effort'> {
  readonly places: Uint32Array
}

/** What the coders of a map's coefficients have memory for. */
export interface CodedMap {
  readonly tables: FrequencyTables
  /** Coefficients that may be sent. */
  readonly most: number
  /** Values of the memory in which the coefficients lie. */
  readonly values: number
}

/**
 * Coefficients as bytes: their codes along the trellis or each rounded by itself, then entropy coded in their order. A code's
 * model is that of its context and of the quantiser that the codes before it led to; of codes expected to be large the lower
 * bits go as they are.
 *
 * | bytes | field |
 * |---|---|
 * | 3 | length of the raw bits, little endian |
 * | .. | symbols, see `rans.ts` |
 * | .. | raw bits: lower bits of large codes, and 16 bits for each escape |
 *
 * `front` bytes are left free before these.
 * @throws {RangeError} where a coefficient is not finite or has more steps than a code tells.
 */
export type CodesWriter = (
  coefficients: Float32Array,
  models: PlacedModels,
  front: number,
) => Uint8Array<ArrayBuffer>

/**
 * Coefficients from those bytes, the others 0: memory that is valid until the next call. They take the quantisers' own
 * values: centroids of what was rounded to a code lie nearer to zero, have less squared error, and change more answers.
 * @throws {RangeError} where the bytes are not a whole encoding.
 */
export type CodesReader = (bytes: Uint8Array, models: PlacedModels) => Float32Array

/** @param create other kernels than the usual ones: tests. */
export function codesWriter({ tables, most, values }: CodedMap, create = createKernels): CodesWriter {
  // 12 bits a code at most, two states and a pair to spare.
  const streamBytes = most + (most >> 1) + 18
  const { at, kernels } = kernelMemory(create, {
    coefficients: 4 * values,
    places: 4 * most,
    inverse: 4 * most,
    contexts: most,
    shifts: most,
    halves: 4 * most,
    decisions: most,
    errors: 4096,
    codes: 4 * most,
    tables: most,
    entries: tables.entries.byteLength,
    stream: streamBytes,
    raw: 4 + 4 * most,
  })
  const { memory } = kernels
  new Uint32Array(memory, at.entries, tables.entries.length).set(tables.entries)
  const given = new Float32Array(memory, at.coefficients, values)
  const end = at.stream + streamBytes
  let current: PlacedModels | undefined
  return (coefficients, models, front) => {
    const count = models.places.length
    const isTrellis = models.effort === 'trellis'
    if (current !== models) {
      placeModels(memory, at, models)
      const inSteps = new Float32Array(memory, at.inverse, count)
      for (let i = 0; i < count; i++) inSteps[i] = (isTrellis ? 2 : 1) / models.steps[i]!
      // The kernel takes four at a time.
      new Float32Array(memory, at.inverse, 4 * Math.ceil(count / 4)).fill(0, count)
      current = models
    }
    given.set(coefficients)
    requireCodable(isTrellis ? kernels.trellis({ ...at, count }) / 2 : kernels.round({ ...at, count }))
    const tablesAt = isTrellis ? at.tables : at.contexts
    const begin = kernels.writeCodes({ ...at, tables: tablesAt, count, end })
    const rest = rawBits(memory, at.raw)
    const bytes = new Uint8Array(front + lengthBytes + end - begin + rest.length)
    bytes[front] = rest.length
    bytes[front + 1] = rest.length >> 8
    bytes[front + 2] = rest.length >> 16
    bytes.set(new Uint8Array(memory, begin, end - begin), front + lengthBytes)
    bytes.set(rest, bytes.length - rest.length)
    return bytes
  }
}

/** @param create other kernels than the usual ones: tests. */
export function codesReader({ tables, most, values }: CodedMap, create = createKernels): CodesReader {
  // Symbols, and 16 bits of each: more is not a whole encoding.
  const streamBytes = most + (most >> 1) + 18 + 2 * most
  const { at, kernels } = kernelMemory(create, {
    coefficients: 4 * values,
    places: 4 * most,
    steps: 4 * most,
    contexts: most,
    shifts: most,
    entries: tables.entries.byteLength,
    firsts: tables.slots.length >> 3,
    stream: streamBytes + 4,
  })
  const { memory } = kernels
  new Uint32Array(memory, at.entries, tables.entries.length).set(tables.entries)
  pairFirsts(tables.slots, new Uint8Array(memory, at.firsts, tables.slots.length >> 3))
  const coefficients = new Float32Array(memory, at.coefficients, values)
  const stream = new Uint8Array(memory, at.stream, streamBytes)
  let current: PlacedModels | undefined
  return (bytes, models) => {
    const count = models.places.length
    if (bytes.length < lengthBytes) throw truncated()
    if (bytes.length > stream.length) throw damaged()
    const end = bytes.length - (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16))
    if (end < lengthBytes) throw truncated()
    ransStart(bytes.subarray(lengthBytes, end))
    if (current !== models) {
      placeModels(memory, at, models)
      new Float32Array(memory, at.steps, count).set(models.steps)
      // What one level sends another may not.
      coefficients.fill(0)
      current = models
    }
    stream.set(bytes)
    const outcome = kernels.readCodes({
      ...at,
      at: at.stream + lengthBytes,
      end: at.stream + end,
      rawEnd: at.stream + bytes.length,
      count,
      trellis: models.effort === 'trellis',
    })
    if (outcome === readOutcome.truncated) throw truncated()
    if (outcome === readOutcome.damaged) throw damaged()
    return coefficients
  }
}

function placeModels(
  memory: ArrayBuffer,
  at: Readonly<Record<'places' | 'contexts' | 'shifts', number>>,
  { places, contexts, shifts }: PlacedModels,
): void {
  new Uint32Array(memory, at.places, places.length).set(places)
  new Uint8Array(memory, at.shifts, shifts.length).set(shifts)
  const tables = new Uint8Array(memory, at.contexts, contexts.length)
  for (let i = 0; i < tables.length; i++) tables[i] = 2 * contexts[i]!
}

/** The symbol of every eighth slot, those of a model's two tables next to each other. */
function pairFirsts(slots: Uint8Array, firsts: Uint8Array): void {
  const perTable = 1 << (probabilityBits - 3)
  for (let table = 0; table * perTable < firsts.length; table++) {
    const to = (table & ~1) * perTable + (table & 1)
    for (let i = 0; i < perTable; i++) firsts[to + 2 * i] = slots[8 * (table * perTable + i)]!
  }
}

function rawBits(memory: ArrayBuffer, at: number): Uint8Array<ArrayBuffer> {
  const [count] = new Uint32Array(memory, at, 1)
  const listed = new Uint32Array(memory, at + 4, count)
  const raw = new BitWriter()
  for (let i = listed.length - 1; i >= 0; i--) raw.write(listed[i]! & 0xffff, listed[i]! >>> 16)
  const bytes = raw.finish()
  if (bytes.length < 2 ** (8 * lengthBytes)) return bytes
  throw new RangeError(
    `Cannot encode klt: raw bits must fit into ${8 * lengthBytes} bits of length, current value is ${bytes.length} bytes`,
  )
}

/** One step less than there are codes: the trellis may take a code beside the nearest. */
function requireCodable(largest: number): void {
  if (largest < largestCode - 1) return
  throw new RangeError(
    `Cannot encode klt: values must be finite and near the calibrated ones, current coefficient is ${largest} steps`,
  )
}
