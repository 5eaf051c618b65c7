import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { shapeElements } from '../tensor/shape-elements.ts'
import { checkTensor } from './check-encoding.ts'
import type { FeatureCodec } from './codec.ts'

const headerBytes = 5
/** Width that stands for the values as they are. */
const asTheyAre = 4
const deflatedFlag = 8

/**
 * Values without any loss: for tensors of whole numbers and truth values, in which a place that is off by one is another
 * place. Whole numbers take the fewest bytes that hold their distance from the least one; bytes of one significance
 * lie together, deflated where that is shorter. Anything else travels as it is.
 *
 * | bytes | field |
 * |---|---|
 * | 1 | bytes a value, 0 to 3, or 4 for binary32; +8 where the rest is deflated |
 * | 4 | least value, int32, little endian; 0 with binary32 |
 * | rest | lowest bytes of all values, then the next ones |
 */
export const exactCodec: FeatureCodec = {
  name: 'exact',

  expectedBytes: (elements) => headerBytes + 2 * elements,

  encode(tensor) {
    const elements = checkTensor('exact', tensor)
    const { data } = tensor
    const { least, width } = rangeOf(data)
    const words =
      width === asTheyAre
        ? new Uint32Array(data.buffer, data.byteOffset, elements)
        : Uint32Array.from(data, (value) => value - least)
    const planes = new Uint8Array(width * elements)
    for (let plane = 0, at = 0; plane < width; plane++)
      for (let i = 0; i < elements; i++) planes[at++] = words[i]! >>> (8 * plane)
    const deflated = deflateRawSync(planes)
    const isShorter = deflated.length < planes.length
    const rest = isShorter ? deflated : planes
    const bytes = new Uint8Array(headerBytes + rest.length)
    bytes[0] = width + (isShorter ? deflatedFlag : 0)
    new DataView(bytes.buffer).setInt32(1, least, true)
    bytes.set(rest, headerBytes)
    return bytes
  },

  decode(bytes, shape) {
    const elements = shapeElements(shape)
    if (bytes.length < headerBytes) throw broken(`at least ${headerBytes} bytes`, bytes.length)
    const width = bytes[0]! & ~deflatedFlag
    if (width > asTheyAre) throw broken('a width of 0 to 4', width)
    const least = new DataView(bytes.buffer, bytes.byteOffset, headerBytes).getInt32(1, true)
    const rest = bytes.subarray(headerBytes)
    const planes = (bytes[0]! & deflatedFlag) === 0 ? rest : inflate(rest, width * elements)
    if (planes.length !== width * elements) throw broken(`${width * elements} bytes of values`, planes.length)
    const words = new Uint32Array(elements)
    for (let plane = 0, at = 0; plane < width; plane++)
      for (let i = 0; i < elements; i++) words[i] = words[i]! | (planes[at++]! << (8 * plane))
    const data =
      width === asTheyAre ? new Float32Array(words.buffer) : Float32Array.from(words, (word) => word + least)
    return { shape, data }
  },
}

function rangeOf(data: Float32Array): { least: number; width: number } {
  let least = Infinity
  let most = -Infinity
  for (const value of data) {
    // Minus zero would come back without its sign.
    if (!Number.isInteger(value) || Object.is(value, -0)) return { least: 0, width: asTheyAre }
    if (value < least) least = value
    if (value > most) most = value
  }
  const isNear = least >= -(2 ** 31) && most < 2 ** 31 && most - least < 2 ** 24
  if (!isNear) return { least: 0, width: asTheyAre }
  const span = most - least
  return { least, width: span === 0 ? 0 : span < 2 ** 8 ? 1 : span < 2 ** 16 ? 2 : 3 }
}

function inflate(bytes: Uint8Array, expected: number): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: expected })
  } catch (cause) {
    throw new RangeError(`Cannot decode exact: deflated values must be whole and ${expected} bytes long`, {
      cause,
    })
  }
}

function broken(wanted: string, found: number): RangeError {
  return new RangeError(`Cannot decode exact: it must have ${wanted}, current value is ${found}`)
}
