import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { uint8Codec } from '../../src/codec/uint8.ts'

const values = fc.array(fc.float({ noNaN: true, min: Math.fround(-1e30), max: Math.fround(1e30) }), {
  minLength: 1,
  maxLength: 100,
})

describe('uint8Codec', () => {
  it('is within half a scale of every value and keeps zero exact', () => {
    fc.assert(
      fc.property(values, (list) => {
        const tensor = { shape: [list.length + 1], data: Float32Array.from([...list, 0]) }
        const bytes = uint8Codec.encode(tensor)
        const scale = new DataView(bytes.buffer).getFloat32(0, true)
        const { data } = uint8Codec.decode(bytes, tensor.shape)
        expect(data.at(-1)).toBe(0)
        const bound = Math.max(scale * 0.5001, 2 ** -126)
        for (const [i, value] of tensor.data.entries())
          expect(Math.abs(data[i]! - value)).toBeLessThanOrEqual(bound)
      }),
      { numRuns: 2000 },
    )
  })

  it('writes the documented bytes', () => {
    const bytes = uint8Codec.encode({ shape: [1, 4], data: Float32Array.from([-55, 0, 200, 0.6]) })
    expect(Buffer.from(bytes).toString('hex')).toBe('0000803f370037ff38')
    expect([...uint8Codec.decode(bytes, [1, 4]).data]).toEqual([-55, 0, 200, 1])
  })

  it('holds for constant, one-sided and extreme tensors', () => {
    for (const list of [[0, 0], [5], [-5], [1e-44, 0], [3e38, 0]]) {
      const data = Float32Array.from(list)
      const decoded = uint8Codec.decode(uint8Codec.encode({ shape: [list.length], data }), [list.length]).data
      for (const [i, value] of data.entries()) {
        expect(Math.abs(decoded[i]! - value)).toBeLessThanOrEqual(Math.abs(value) * 1e-6 + 1e-38)
      }
    }
    const wide = Float32Array.from([-3e38, 3e38])
    expect(() => uint8Codec.encode({ shape: [2], data: wide })).toThrow(/range must be a finite/)
  })

  it('refuses a scale that is not positive or whose range is not finite', () => {
    const bytes = uint8Codec.encode({ shape: [3], data: Float32Array.from([1, 2, 3]) })
    for (const scale of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 3e38]) {
      new DataView(bytes.buffer).setFloat32(0, scale, true)
      expect(() => uint8Codec.decode(bytes, [3])).toThrow(/scale must be positive/)
    }
  })
})
