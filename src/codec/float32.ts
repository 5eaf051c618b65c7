import { shapeElements } from '../tensor/shape-elements.ts'
import { checkLength, checkTensor } from './check-encoding.ts'
import type { FeatureCodec } from './codec.ts'

/**
 * The values as they are: IEEE 754 binary32, little endian, 4 bytes a value. Typed arrays are used as they lie in
 * memory: every platform with an engine is little endian. Values that are not finite are refused at both ends, so
 * that a broken head is blamed where it broke and a forged message cannot poison a tail.
 */
export const float32Codec: FeatureCodec = {
  name: 'float32',

  expectedBytes: (elements) => elements * 4,

  encode(tensor) {
    checkTensor('float32', tensor)
    checkFinite('encode', tensor.data)
    return new Uint8Array(tensor.data.slice().buffer)
  },

  decode(bytes, shape) {
    const elements = shapeElements(shape)
    checkLength('float32', bytes, elements * 4)
    const data = new Float32Array(elements)
    new Uint8Array(data.buffer).set(bytes)
    checkFinite('decode', data)
    return { shape, data }
  },
}

function checkFinite(verb: string, data: Float32Array): void {
  // A sum would be faster but overflows on legal data: x - x is 0 for finite x, NaN for the rest.
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!
    if (value - value !== 0) {
      throw new RangeError(`Cannot ${verb} float32: value ${i} must be finite, current value is ${value}`)
    }
  }
}
