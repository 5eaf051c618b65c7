import { shapeElements } from '../tensor/shape-elements.ts'
import { checkLength, checkTensor } from './check-encoding.ts'
import type { FeatureCodec } from './codec.ts'

const headerBytes = 5
const levels = 255

/**
 * Affine 8-bit quantisation, one scale and zero point a tensor: value = (code - zeroPoint) * scale. The range is
 * stretched to hold zero, which is always exact: what ReLU cut stays cut. Error at most half a scale.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 4 | scale, binary32, little endian, positive and finite |
 * | 4 | 1 | zero point |
 * | 5 | elements | codes |
 */
export const uint8Codec: FeatureCodec = {
  name: 'uint8',

  expectedBytes: (elements) => headerBytes + elements,

  encode(tensor) {
    const elements = checkTensor('uint8', tensor)
    const { data } = tensor
    let low = 0
    let high = 0
    for (let i = 0; i < elements; i++) {
      const value = data[i]!
      if (value - value !== 0) {
        throw new RangeError(`Cannot encode uint8: value ${i} must be finite, current value is ${value}`)
      }
      if (value < low) low = value
      else if (value > high) high = value
    }
    const scale = scaleFor(low, high)
    const zeroPoint = Math.round(Math.min(levels, -low / scale))
    const bytes = new Uint8Array(headerBytes + elements)
    new DataView(bytes.buffer).setFloat32(0, scale, true)
    bytes[4] = zeroPoint
    const inverse = 1 / scale
    const offset = zeroPoint + 0.5
    for (let i = 0; i < elements; i++) {
      const code = data[i]! * inverse + offset
      bytes[headerBytes + i] = code < 0 ? 0 : code > levels ? levels : code
    }
    return bytes
  },

  decode(bytes, shape) {
    const elements = shapeElements(shape)
    checkLength('uint8', bytes, headerBytes + elements)
    const scale = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getFloat32(0, true)
    if (!(scale > 0) || !Number.isFinite(Math.fround(scale * levels))) {
      throw new RangeError(
        `Cannot decode uint8: scale must be positive and its range finite, current value is ${scale}`,
      )
    }
    const zeroPoint = bytes[4]!
    const data = new Float32Array(elements)
    for (let i = 0; i < elements; i++) data[i] = (bytes[headerBytes + i]! - zeroPoint) * scale
    return { shape, data }
  },
}

/** Smallest binary32 that spreads the range over 255 steps; never 0, so that decoding always means something. */
function scaleFor(low: number, high: number): number {
  if (low === high) return 1
  const scale = Math.max(Math.fround((high - low) / levels), 2 ** -126)
  if (!Number.isFinite(Math.fround(scale * levels))) {
    throw new RangeError(
      `Cannot encode uint8: range must be a finite binary32, current value is ${low} to ${high}`,
    )
  }
  return scale
}
