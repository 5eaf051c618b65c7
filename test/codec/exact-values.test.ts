import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createCodecs } from '../../src/codec/create-codecs.ts'
import { exactCodec } from '../../src/codec/exact.ts'
import { featureCodec, featureCodecNames } from '../../src/codec/feature-codecs.ts'

function tensor(values: readonly number[]) {
  return { shape: [1, values.length], data: Float32Array.from(values) }
}

const whole = fc.integer({ min: -(2 ** 24), max: 2 ** 24 })

describe('exactCodec', () => {
  test.each([
    ['whole numbers', whole],
    ['bytes', fc.nat(255)],
    ['any values', fc.float()],
  ])('gives back %s bit for bit', (_, value) => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), (values) => {
        const given = tensor(values)
        const { shape, data } = exactCodec.decode(exactCodec.encode(given), given.shape)
        expect(shape).toEqual(given.shape)
        for (const [i, back] of data.entries()) expect(Object.is(back, given.data[i])).toBe(true)
      }),
    )
  })

  test('takes the fewest bytes', () => {
    const bytes = (values: readonly number[]) => exactCodec.encode(tensor(values)).length
    expect(bytes([4000, 4095, 4001, 3990])).toBe(5 + 4)
    expect(bytes([7, 7, 7, 7])).toBe(5)
    expect(bytes(Array.from({ length: 1000 }, (_, i) => i % 2))).toBeLessThan(40)
  })

  test('refuses what is no whole encoding', () => {
    const bytes = exactCodec.encode(tensor([1, 500, 3, 70_000]))
    for (let end = 0; end < bytes.length; end++)
      expect(() => exactCodec.decode(bytes.subarray(0, end), [1, 4])).toThrow(RangeError)
    expect(() => exactCodec.decode(Uint8Array.of(9, 0, 0, 0, 0, 1, 2), [1, 4])).toThrow(/must be whole/)
    expect(() => exactCodec.decode(Uint8Array.of(5, 0, 0, 0, 0), [1, 4])).toThrow(/a width of 0 to 4/)
  })

  test('is what a tensor of whole numbers gets, whatever codec the wound has, but no answer', () => {
    const codecs = createCodecs(undefined, new Set(['places']))
    expect(codecs('q2', 'wound', 'places')).toBe(exactCodec)
    expect(codecs('q2', 'wound', 'maps')).toBe(featureCodec('q2'))
    expect(codecs('float16', 'local', 'places')).toBe(featureCodec('float16'))
  })
})

describe('infinities and NaN', () => {
  test.each(featureCodecNames)('go through %s', (name) => {
    const codec = featureCodec(name)
    const given = tensor([1, -Infinity, 0.5, Number.NaN, Infinity, -1])
    const { data } = codec.decode(codec.encode(given), given.shape)
    expect([...data].map((value) => (Number.isFinite(value) ? 0 : value))).toEqual([
      0,
      -Infinity,
      0,
      Number.NaN,
      Infinity,
      0,
    ])
    expect(data[0]! - data[5]!).toBeGreaterThan(1)
  })

  test.each(featureCodecNames)('%s refuses damaged ones', (name) => {
    const codec = featureCodec(name)
    const bytes = codec.encode(tensor([1, -Infinity, 0.5, 2]))
    for (let end = 0; end < bytes.length; end++)
      expect(() => codec.decode(bytes.subarray(0, end), [1, 4])).toThrow(RangeError)
  })
})
