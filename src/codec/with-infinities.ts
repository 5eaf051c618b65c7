import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { shapeElements } from '../tensor/shape-elements.ts'
import type { FeatureCodec } from './codec.ts'

/** Read as a float it is NaN, with which no codec's bytes begin; a stamp of klt is something else but once in 2^32. */
const mark = 0xffff_ffff
const headerBytes = 8

/** What a value is; the codec carries the finite ones. */
const finite = 0
const special = [0, Infinity, -Infinity, Number.NaN] as const

/**
 * A codec that carries infinities and NaN as well: a mask of an attention is minus infinity where it is off, and a model
 * that makes it means it. They are taken out and told apart, the codec gets 0 in their place. Finite tensors are
 * encoded as ever, so this costs one pass over them.
 *
 * | bytes | field, little endian |
 * |---|---|
 * | 4 | 0xffffffff |
 * | 4 | bytes of the next field |
 * | .. | deflated, a byte a value: 0 finite, 1 infinity, 2 minus infinity, 3 NaN |
 * | rest | as the codec encodes the finite values |
 */
export function withInfinities(codec: FeatureCodec): FeatureCodec {
  const { name } = codec
  return {
    name,
    expectedBytes: (elements, channels) => codec.expectedBytes(elements, channels),

    encode(tensor) {
      if (isFinite(tensor.data)) return codec.encode(tensor)
      const kinds = Uint8Array.from(tensor.data, (value) =>
        Number.isFinite(value) ? finite : Number.isNaN(value) ? 3 : value > 0 ? 1 : 2,
      )
      const values = codec.encode({
        shape: tensor.shape,
        data: tensor.data.map((value, i) => (kinds[i] === finite ? value : 0)),
      })
      const told = deflateRawSync(kinds)
      const bytes = new Uint8Array(headerBytes + told.length + values.length)
      const view = new DataView(bytes.buffer)
      view.setUint32(0, mark, true)
      view.setUint32(4, told.length, true)
      bytes.set(told, headerBytes)
      bytes.set(values, headerBytes + told.length)
      return bytes
    },

    decode(bytes, shape) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      if (bytes.length < headerBytes || view.getUint32(0, true) !== mark) return codec.decode(bytes, shape)
      const end = headerBytes + view.getUint32(4, true)
      const kinds = inflate(name, bytes.subarray(headerBytes, end), shapeElements(shape))
      const { data } = codec.decode(bytes.subarray(end), shape)
      for (const [i, kind] of kinds.entries()) if (kind !== finite) data[i] = special[kind] ?? Number.NaN
      return { shape, data }
    },
  }
}

/** x * 0 is NaN for NaN and infinities alike: no branch per value. */
function isFinite(data: Float32Array): boolean {
  let sum = 0
  for (let i = 0; i < data.length; i++) sum += data[i]! * 0
  return sum === 0
}

function inflate(codec: string, bytes: Uint8Array, expected: number): Uint8Array {
  const fail = (cause?: unknown): RangeError =>
    new RangeError(`Cannot decode ${codec}: kinds of values must be ${expected} deflated bytes`, { cause })
  let kinds: Uint8Array
  try {
    kinds = inflateRawSync(bytes, { maxOutputLength: expected })
  } catch (cause) {
    throw fail(cause)
  }
  if (kinds.length !== expected) throw fail()
  return kinds
}
