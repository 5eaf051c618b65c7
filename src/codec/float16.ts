import { shapeElements } from '../tensor/shape-elements.ts'
import { checkLength, checkTensor } from './check-encoding.ts'
import type { FeatureCodec } from './codec.ts'

/** 127 - 15 powers of two lie between the exponent biases of binary32 and binary16. */
const biasMend = 2 ** 112

/**
 * IEEE 754 binary16, little endian, 2 bytes a value, rounded to nearest, ties to even. What is too large, infinities
 * included, becomes the largest finite value (65504): one saturated activation costs less than an answer. NaN is an
 * encode error; a decoder refuses infinities and NaN.
 *
 * Both loops work on the bits of binary32 without tables or branches per class of exponent, after Giesen,
 * "float->half variants" (gist rygorous/2156668).
 */
export const float16Codec: FeatureCodec = {
  name: 'float16',

  expectedBytes: (elements) => elements * 2,

  encode(tensor) {
    const elements = checkTensor('float16', tensor)
    const halves = new Uint16Array(elements)
    const { data } = tensor
    const bits = new Uint32Array(data.buffer, data.byteOffset, elements)
    const scratch = new Float32Array(1)
    const scratchBits = new Uint32Array(scratch.buffer)
    for (let i = 0; i < elements; i++) {
      const word = bits[i]!
      const magnitude = word & 0x7fff_ffff
      let half: number
      if (magnitude >= 0x477f_f000) {
        // 65520 and above would round to infinity.
        if (magnitude > 0x7f80_0000) {
          throw new RangeError(`Cannot encode float16: value ${i} must be a number, current value is NaN`)
        }
        half = 0x7bff
      } else if (magnitude >= 0x3880_0000) {
        // Normal: rebias the exponent (127 to 15) and round away 13 bits; a carry moves into the exponent rightly.
        half = (magnitude - 0x3800_0000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13
      } else {
        // Subnormal: the last place of 0.5 in binary32 is 2^-24, the unit of a subnormal half, so that adding 0.5
        // makes the hardware round. The sum is exact in binary64 wherever rounding could go either way.
        scratch[0] = Math.abs(data[i]!) + 0.5
        half = scratchBits[0]! - 0x3f00_0000
      }
      halves[i] = half | ((word >>> 16) & 0x8000)
    }
    return new Uint8Array(halves.buffer)
  },

  decode(bytes, shape) {
    const elements = shapeElements(shape)
    checkLength('float16', bytes, elements * 2)
    const data = new Float32Array(elements)
    const bits = new Uint32Array(data.buffer)
    for (let i = 0, at = 0; i < elements; i++, at += 2) {
      const half = bytes[at]! | (bytes[at + 1]! << 8)
      const magnitude = half & 0x7fff
      if (magnitude >= 0x7c00) {
        throw new RangeError(
          `Cannot decode float16: value ${i} must be finite, current bits are 0x${half.toString(16)}`,
        )
      }
      // Exponent and fraction in their binary32 places, then 2^112 mends the bias, for subnormals too.
      bits[i] = magnitude << 13
      data[i] = data[i]! * biasMend
      bits[i] = bits[i]! | ((half & 0x8000) << 16)
    }
    return { shape, data }
  },
}
