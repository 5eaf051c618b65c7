import { probabilityBits } from './frequency-tables.ts'

/**
 * Range variant of asymmetric numeral systems (Duda, arXiv 1311.2540) that gives bytes (after Giesen, "Interleaved
 * entropy coders", arXiv 1402.3392), two at a time, so that no symbol needs more than once: two states take turns, so that
 * the processor works at both. States live in [2^15, 2^31), so that JavaScript engines keep them in 32-bit integers.
 * O(symbols).
 *
 * Layout: state of the even symbols, state of the odd ones (4 bytes each, little endian), then pairs of bytes, the higher
 * first, in the order in which the decoder takes them.
 */
export const stateFloor = 1 << 15
const mask = (1 << probabilityBits) - 1
const headBytes = 8

/**
 * 1 / frequency, a little too large: a state is below 2^31 and a frequency below 2^12, so the product's whole part is
 * the quotient's, and a multiplication is several times faster than a division.
 */
const reciprocals = Float64Array.from({ length: mask + 1 }, (_, frequency) => (1 + 2 ** -40) / frequency)

/** Codes the entries of `FrequencyTables` that the models gave for each symbol. The last symbol goes first. */
export function ransEncode(entries: Uint32Array): Uint8Array<ArrayBuffer> {
  const { length } = entries
  // A symbol costs at most 12 bits.
  const out = new Uint8Array(headBytes + 8 + length + (length >> 1))
  return out.slice(writeRans(entries, out, out.length))
}

/** The same where symbols that follow have been written, which left these bytes and states. */
export function ransEncodeBefore(
  entries: Uint32Array,
  rest: { readonly bytes: Uint8Array; readonly current: number; readonly other: number },
): Uint8Array<ArrayBuffer> {
  const end = headBytes + 8 + entries.length + (entries.length >> 1)
  const out = new Uint8Array(end + rest.bytes.length)
  out.set(rest.bytes, end)
  return out.slice(writeRans(entries, out, end, rest))
}

/**
 * As {@link ransEncode}, into memory, backwards from `end`. Returns where the stream begins.
 * @param states where symbols that follow have been written: what those left.
 */
export function writeRans(
  entries: Uint32Array,
  out: Uint8Array<ArrayBuffer>,
  end: number,
  states = { current: stateFloor, other: stateFloor },
): number {
  let at = end
  let { current, other } = states
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i]!
    const frequency = entry >>> 16
    const ceiling = frequency << 19
    if (current >= ceiling) {
      out[--at] = current
      out[--at] = current >>> 8
      current >>>= 16
    }
    const quotient = (current * reciprocals[frequency]!) | 0
    const next = (quotient << probabilityBits) + (current - quotient * frequency) + (entry & 0xffff)
    current = other
    other = next
  }
  at -= headBytes
  const view = new DataView(out.buffer, out.byteOffset + at, headBytes)
  view.setUint32(0, other, true)
  view.setUint32(4, current, true)
  return at
}

/** The two states and the place in the bytes where a decoder stands. */
export interface RansStart {
  readonly even: number
  readonly odd: number
  readonly at: number
}

/** @throws {RangeError} where the bytes are too few for the states or a state is out of its range. */
export function ransStart(bytes: Uint8Array): RansStart {
  if (bytes.length < headBytes) throw truncated()
  const view = new DataView(bytes.buffer, bytes.byteOffset, headBytes)
  const even = view.getUint32(0, true)
  const odd = view.getUint32(4, true)
  if (even < stateFloor || odd < stateFloor || even >= 2 ** 31 || odd >= 2 ** 31) throw damaged()
  return { even, odd, at: headBytes }
}

/** A whole stream leaves both states where the encoder began, and no byte over. @throws {RangeError} */
export function ransEnd(even: number, odd: number, at: number, end: number): void {
  if (even !== stateFloor || odd !== stateFloor || at !== end) throw damaged()
}

export function truncated(): RangeError {
  return new RangeError('Cannot decode entropy-coded tensor: bytes must be whole, current ones end too early')
}

export function damaged(): RangeError {
  return new RangeError(
    'Cannot decode entropy-coded tensor: bytes must be what an encoder wrote, current ones are damaged',
  )
}
