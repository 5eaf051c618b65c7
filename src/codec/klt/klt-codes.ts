import { BitReader, BitWriter } from '../entropy/bit-writer.ts'
import { type FrequencyTables, probabilityBits } from '../entropy/frequency-tables.ts'
import { damaged, ransEncode, ransEnd, ransStart, stateFloor, truncated } from '../entropy/rans.ts'
import type { CoefficientModels } from './coefficients.ts'
import { kltSymbols } from './klt-parameters.ts'

const lengthBytes = 3
const escapeBits = 16
export const largestCode = 2 ** (escapeBits - 1) - 1
/** Symbol of code 0; symbol 0 is the escape. */
export const zeroSymbol = kltSymbols / 2

type CodedWith = Pick<CoefficientModels, 'contexts' | 'shifts' | 'next'>

/**
 * Entropy coding of the codes of the trellis, in their order. A code's model is that of its context and of the
 * quantiser that the codes before it led to; of codes expected to be large the lower bits go as they are.
 *
 * | bytes | field, little endian |
 * |---|---|
 * | 3 | length of the raw bits |
 * | .. | symbols, see `rans.ts` |
 * | .. | raw bits: lower bits of large codes, and 16 bits for each escape |
 *
 * @param codes at most `largestCode` in magnitude.
 * @param tables 2 for each context, of its two quantisers.
 */
export function encodeCodes(
  codes: Int32Array,
  { contexts, shifts, next }: CodedWith,
  tables: FrequencyTables,
): Uint8Array<ArrayBuffer> {
  const coded = new Uint32Array(codes.length)
  const raw = new BitWriter()
  let state = 0
  for (let i = 0; i < coded.length; i++) {
    const code = codes[i]!
    const shift = shifts[i]!
    const upper = (code >> shift) + zeroSymbol
    const symbol = upper < 1 || upper >= kltSymbols ? 0 : upper
    coded[i] = tables.entries[(2 * contexts[i]! + (state & 1)) * kltSymbols + symbol]!
    if (symbol === 0) raw.write(code & 0xffff, escapeBits)
    else if (shift > 0) raw.write(code & ((1 << shift) - 1), shift)
    state = next[2 * state + (code & 1)]!
  }
  const stream = ransEncode(coded)
  const rest = raw.finish()
  if (rest.length >= 2 ** (8 * lengthBytes))
    throw new RangeError(
      `Cannot encode klt: raw bits must fit into ${8 * lengthBytes} bits of length, current value is ${rest.length} bytes`,
    )
  const bytes = new Uint8Array(lengthBytes + stream.length + rest.length)
  bytes[0] = rest.length
  bytes[1] = rest.length >> 8
  bytes[2] = rest.length >> 16
  bytes.set(stream, lengthBytes)
  bytes.set(rest, lengthBytes + stream.length)
  return bytes
}

/** As many codes as there are contexts. @throws {RangeError} where the bytes are not a whole encoding. */
export function decodeCodes(
  bytes: Uint8Array,
  { contexts, shifts, next }: CodedWith,
  tables: FrequencyTables,
): Int32Array<ArrayBuffer> {
  if (bytes.length < lengthBytes) throw truncated()
  const end = bytes.length - (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16))
  if (end < lengthBytes) throw truncated()
  const raw = new BitReader(bytes.subarray(end))
  const begin = ransStart(bytes.subarray(lengthBytes, end))
  const { entries, slots } = tables
  const mask = (1 << probabilityBits) - 1
  let { even: current, odd: other } = begin
  let at = lengthBytes + begin.at
  const codes = new Int32Array(contexts.length)
  let state = 0
  for (let i = 0; i < codes.length; i++) {
    const table = 2 * contexts[i]! + (state & 1)
    const low = current & mask
    const symbol = slots[(table << probabilityBits) + low]!
    const entry = entries[table * kltSymbols + symbol]!
    let renewed = (entry >>> 16) * (current >>> probabilityBits) + low - (entry & 0xffff)
    if (renewed < stateFloor) {
      if (at + 2 > end) throw truncated()
      renewed = (renewed << 16) | (bytes[at]! << 8) | bytes[at + 1]!
      at += 2
    }
    current = other
    other = renewed
    const shift = shifts[i]!
    let code = symbol - zeroSymbol
    if (symbol === 0) code = (raw.read(escapeBits) << 16) >> 16
    else if (shift > 0) code = (code << shift) | raw.read(shift)
    codes[i] = code
    state = next[2 * state + (code & 1)]!
  }
  ransEnd(current, other, at, end)
  if (!raw.ended) throw damaged()
  return codes
}
