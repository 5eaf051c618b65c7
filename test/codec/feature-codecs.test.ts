import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { featureCodec, featureCodecNames } from '../../src/codec/feature-codecs.ts'

const finite = fc.float({ noNaN: true, noDefaultInfinity: true })
const tensors = fc.array(finite, { minLength: 1, maxLength: 60 }).map((values) => ({
  shape: [1, values.length],
  data: Float32Array.from(values),
}))

describe('featureCodec', () => {
  it('names the known codecs for an unknown one', () => {
    expect(() => featureCodec('zip')).toThrow(/float32, float16, uint8, .*q2c, current value is "zip"/)
  })

  for (const name of featureCodecNames) {
    const codec = featureCodec(name)
    const tensor = { shape: [1, 2, 3], data: Float32Array.from([0, -1, 2, 0.5, 100, -3]) }

    it(`${name} gives the bytes it expects, from and into unaligned memory, and leaves its input alone`, () => {
      const wide = new Float32Array([9, ...tensor.data, 9])
      const bytes = codec.encode({ shape: tensor.shape, data: wide.subarray(1, 7) })
      // An estimate for the entropy-coded ones.
      expect(bytes.length).toBe(name.startsWith('q') ? bytes.length : codec.expectedBytes(6, 2))
      expect([...wide]).toEqual([9, ...tensor.data, 9])
      const shifted = new Uint8Array(bytes.length + 1)
      shifted.set(bytes, 1)
      const decoded = codec.decode(shifted.subarray(1), tensor.shape)
      expect(decoded).toEqual(codec.decode(bytes, tensor.shape))
      expect(decoded.shape).toEqual(tensor.shape)
    })

    it(`${name} refuses every other length and shape`, () => {
      const bytes = codec.encode(tensor)
      for (let length = 0; length < bytes.length; length++) {
        expect(() => codec.decode(bytes.subarray(0, length), tensor.shape)).toThrow(RangeError)
      }
      expect(() => codec.decode(new Uint8Array([...bytes, 0]), tensor.shape)).toThrow(RangeError)
      // Would be gigabytes: the length is checked before anything of that size is made.
      expect(() => codec.decode(bytes, [1, 30_000, 30_000])).toThrow(RangeError)
      for (const shape of [[-1, -6], [0], [1.5, 4], [2 ** 31, 2 ** 31], [Number.NaN]]) {
        expect(() => codec.decode(bytes, shape)).toThrow(RangeError)
      }
      expect(() => codec.encode({ shape: [1, 5], data: tensor.data })).toThrow(/must have 5 values/)
    })

    it(`${name} decodes what it cannot have encoded into finite values or a RangeError`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 8, maxLength: 64 }), (bytes) => {
          const exact: Record<string, number> = {
            float32: bytes.length >> 2,
            float16: bytes.length >> 1,
            uint8: bytes.length - 5,
          }
          const elements = exact[name] ?? bytes.length
          let values: Iterable<number> = []
          let failure: unknown = new RangeError()
          try {
            values = codec.decode(bytes, [elements]).data
          } catch (error) {
            failure = error
          }
          expect(failure).toBeInstanceOf(RangeError)
          expect([...values].every(Number.isFinite)).toBe(true)
        }),
        { numRuns: 3000 },
      )
    })
  }

  it('float32 keeps every finite bit', () => {
    const codec = featureCodec('float32')
    fc.assert(
      fc.property(tensors, (tensor) => {
        expect(codec.decode(codec.encode(tensor), tensor.shape)).toEqual(tensor)
      }),
    )
  })
})
