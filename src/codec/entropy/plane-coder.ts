import { readPlanes, writePlanes } from '../kernels/plane-kernels.ts'
import { packBits, unpackBits } from './bit-packer.ts'
import { probabilityBits } from './frequency-tables.ts'
import { PlaneModels } from './plane-models.ts'
import { ransEncode, ransEncodeBefore, ransEnd, ransStart, stateFloor, truncated } from './rans.ts'

/**
 * Entropy coding of planes of small codes (the channels of a quantised feature map) with models that adapt, so none
 * travel. Of codes of more than 5 bits the upper 5 are coded, the others follow as they are: they are nearly even.
 * Layout: what `rans.ts` gives, then the packed lower bits.
 */
export interface Planes {
  readonly channels: number
  /** Of one channel, row by row. */
  readonly width: number
  readonly height: number
  /** Codes are below 2^bits, 2 to 8; beyond 6 deflate is as good. */
  readonly bits: number
  /** Per channel, the code of value 0. */
  readonly zeroPoints: Uint8Array
}

const mostCodedBits = 5

/** @param write Goes on once the models are final, where it can: tests are without. */
export function encodePlanes(
  codes: Uint8Array,
  planes: Planes,
  write: typeof writePlanes = writePlanes,
): Uint8Array<ArrayBuffer> {
  const { channels, width, height, bits, zeroPoints } = planes
  const rawBits = Math.max(0, bits - mostCodedBits)
  const codedBits = bits - rawBits
  const models = new PlaneModels(codedBits)
  const { entries } = models.tables
  let coded = new Uint32Array(codes.length)
  const above = new Uint8Array(width)
  let rest: ReturnType<typeof writePlanes>
  let i = 0
  for (let channel = 0; channel < channels && rest === undefined; channel++) {
    for (let y = 0; y < height; y++) {
      let left = y === 0 ? zeroPoints[channel]! >> rawBits : above[0]!
      const learning = models.checkpoint < Infinity
      for (let x = 0; x < width; x++, i++) {
        const up = y === 0 ? left : above[x]!
        const symbol = codes[i]! >> rawBits
        const entry = ((left + up) << codedBits) + symbol
        coded[i] = entries[entry]!
        if (learning) models.observe(entry)
        left = symbol
        above[x] = symbol
      }
      if (i < models.checkpoint) continue
      models.learn(i)
      if (models.checkpoint < Infinity) continue
      const final = { from: i, channels, width, height, zeroPoints, ...models.tables, codedBits, rawBits }
      rest = write(codes, final, { current: stateFloor, other: stateFloor })
      if (rest === undefined) continue
      coded = coded.subarray(0, i)
      break
    }
  }
  const stream = rest === undefined ? ransEncode(coded) : ransEncodeBefore(coded, rest)
  if (rawBits === 0) return stream
  const raw = packBits(codes, rawBits)
  const bytes = new Uint8Array(stream.length + raw.length)
  bytes.set(stream)
  bytes.set(raw, stream.length)
  return bytes
}

/**
 * @param read As {@link encodePlanes}' `write`.
 * @throws {RangeError} where the bytes are not a whole encoding; whatever is returned is below 2^bits.
 */
export function decodePlanes(
  bytes: Uint8Array,
  planes: Planes,
  read: typeof readPlanes = readPlanes,
): Uint8Array<ArrayBuffer> {
  const { channels, width, height, bits, zeroPoints } = planes
  const count = channels * width * height
  const rawBits = Math.max(0, bits - mostCodedBits)
  const codedBits = bits - rawBits
  const end = bytes.length - Math.ceil((count * rawBits) / 8)
  if (end < 0) throw truncated()
  const begin = ransStart(bytes.subarray(0, end))
  const models = new PlaneModels(codedBits)
  const { entries, slots } = models.tables
  const mask = (1 << probabilityBits) - 1
  let { at, even: current, odd: other } = begin
  const codes = new Uint8Array(count)
  const above = new Uint8Array(width)
  let i = 0
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 0; y < height; y++) {
      let left = y === 0 ? zeroPoints[channel]! >> rawBits : above[0]!
      const learning = models.checkpoint < Infinity
      for (let x = 0; x < width; x++, i++) {
        const up = y === 0 ? left : above[x]!
        const context = left + up
        const low = current & mask
        const symbol = slots[(context << probabilityBits) + low]!
        const place = (context << codedBits) + symbol
        const entry = entries[place]!
        let next = (entry >>> 16) * (current >>> probabilityBits) + low - (entry & 0xffff)
        if (next < stateFloor) {
          if (at + 2 > end) throw truncated()
          next = (next << 16) | (bytes[at]! << 8) | bytes[at + 1]!
          at += 2
        }
        current = other
        other = next
        codes[i] = symbol << rawBits
        if (learning) models.observe(place)
        left = symbol
        above[x] = symbol
      }
      if (i < models.checkpoint) continue
      models.learn(i)
      if (models.checkpoint < Infinity) continue
      const final = { from: i, channels, width, height, zeroPoints, ...models.tables, codedBits, rawBits }
      const stands = read(codes, final, { current, other, at }, bytes.subarray(0, end))
      if (stands === undefined) continue
      if (stands === 'truncated') throw truncated()
      ransEnd(stands.current, stands.other, stands.at, end)
      if (rawBits > 0) unpackBits(bytes.subarray(end), rawBits, codes)
      return codes
    }
  }
  ransEnd(current, other, at, end)
  if (rawBits > 0) unpackBits(bytes.subarray(end), rawBits, codes)
  return codes
}
