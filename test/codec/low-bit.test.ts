import { deflateRawSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clippedRange } from '../../src/codec/clipped-range.ts'
import { inflateCodes } from '../../src/codec/entropy/deflated-codes.ts'
import { decodePlanes, encodePlanes } from '../../src/codec/entropy/plane-coder.ts'
import { lowBitCodec } from '../../src/codec/low-bit.ts'

const planes = fc
  .record({
    channels: fc.integer({ min: 1, max: 9 }),
    width: fc.integer({ min: 1, max: 20 }),
    height: fc.integer({ min: 1, max: 20 }),
    bits: fc.integer({ min: 2, max: 8 }),
    skew: fc.integer({ min: 1, max: 12 }),
  })
  .chain(({ skew, ...shape }) =>
    fc.record({
      shape: fc.constant(shape),
      codes: fc
        .uint8Array({
          minLength: shape.channels * shape.width * shape.height,
          maxLength: shape.channels * shape.width * shape.height,
        })
        // Small codes and long runs as well as even ones.
        .map((codes) => codes.map((code) => ((code / 256) ** skew * 2 ** shape.bits) | 0)),
      zeroPoints: fc
        .uint8Array({ minLength: shape.channels, maxLength: shape.channels })
        .map((zeros) => zeros.map((zero) => zero % 2 ** shape.bits)),
    }),
  )

describe('plane coder', () => {
  it('gives back every code', () => {
    fc.assert(
      fc.property(planes, ({ shape, codes, zeroPoints }) => {
        const bytes = encodePlanes(codes, { ...shape, zeroPoints })
        expect(decodePlanes(bytes, { ...shape, zeroPoints })).toEqual(codes)
      }),
      { numRuns: 400 },
    )
  })

  it('gives back more codes than its models learn from, near their entropy', () => {
    const shape = { channels: 30, width: 64, height: 64, bits: 4 }
    const codes = new Uint8Array(30 * 4096)
    let state = 5
    for (let i = 0; i < codes.length; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      codes[i] = Math.clz32(state) > 15 ? 15 : Math.clz32(state)
    }
    const zeroPoints = new Uint8Array(30)
    const bytes = encodePlanes(codes, { ...shape, zeroPoints })
    expect(decodePlanes(bytes, { ...shape, zeroPoints })).toEqual(codes)
    // Geometric with ratio 1/2: 2 bits a code.
    expect(bytes.length * 8).toBeLessThan(2.05 * codes.length)
  })
})

describe('planes whose models are final', () => {
  it.each([3, 4, 6])('are written and read alike by the kernels and without them: %i bits', (bits) => {
    const shape = { channels: 25, width: 57, height: 53, bits }
    const codes = new Uint8Array(shape.channels * shape.width * shape.height)
    let state = 9
    for (let i = 0; i < codes.length; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      codes[i] = Math.min(2 ** bits - 1, Math.clz32(state) + ((i >> 9) & 3))
    }
    const zeroPoints = Uint8Array.from({ length: shape.channels }, (_, c) => c % 2 ** bits)
    const planes = { ...shape, zeroPoints }
    const none = () => undefined
    const bytes = encodePlanes(codes, planes)
    expect(encodePlanes(codes, planes, none)).toEqual(bytes)
    expect(decodePlanes(bytes, planes)).toEqual(codes)
    expect(decodePlanes(bytes, planes, none)).toEqual(codes)
    for (const read of [undefined, none])
      expect(() => decodePlanes(bytes.subarray(0, -3), planes, read)).toThrow(RangeError)
  })
})

describe('large maps', () => {
  const shape = [1, 20, 64, 64]
  const large = Float32Array.from({ length: 20 * 4096 }, (_, i) =>
    Math.max(0, Math.sin(i / 9) + Math.cos(i / 500)),
  )

  it('come back within half a step', () => {
    for (const bits of [2, 4, 6, 8]) {
      const codec = lowBitCodec(bits, false)
      const { scale } = clippedRange(large, 0, large.length, 2 ** bits - 1)
      const { data } = codec.decode(codec.encode({ shape, data: large }), shape)
      const inside = (2 ** bits - 1) * scale
      const errors = large.map((value, i) => Math.abs(Math.min(value, inside) - data[i]!))
      expect(Math.max(...errors.slice(0, 65_536))).toBeLessThan(0.501 * scale)
      expect(Math.max(...errors.slice(65_536))).toBeLessThan(0.501 * scale)
    }
  })

  it('are refused where a value is not finite, wherever it stands', () => {
    for (const at of [0, 70_000, large.length - 1]) {
      for (const value of [Number.NaN, Infinity, -Infinity]) {
        const data = large.with(at, value)
        expect(() => lowBitCodec(4, false).encode({ shape, data })).toThrow(`value ${at} must be finite`)
      }
    }
  })

  it('are refused where their bytes end too early or are damaged', () => {
    const bytes = lowBitCodec(4, false).encode({ shape, data: large })
    for (const end of [-1, -2, -1000, 2000])
      expect(() => lowBitCodec(4, false).decode(bytes.subarray(0, end), shape)).toThrow(RangeError)
  })
})

describe('clippedRange', () => {
  it('is no worse than the full range and keeps zero a code', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true, min: -50, max: 50 }), { minLength: 1, maxLength: 400 }),
        (list) => {
          const data = Float32Array.from([...list, 0, 60])
          const range = clippedRange(data, 0, data.length, 7)
          const error = (scale: number, zeroPoint: number) =>
            data.reduce((sum, value) => {
              const code = Math.max(0, Math.min(7, Math.round(value / scale) + zeroPoint))
              return sum + (value - (code - zeroPoint) * scale) ** 2
            }, 0)
          const low = Math.min(0, ...data)
          const full = (Math.max(...data) - low) / 7
          expect(Number.isInteger(range.zeroPoint)).toBe(true)
          // The histogram's bins are a 512th of the range wide.
          const slack = data.length * (110 / 512) ** 2 + data.length * (110 / 512) * full
          expect(error(range.scale, range.zeroPoint)).toBeLessThanOrEqual(
            error(full, Math.round(-low / full)) + slack,
          )
        },
      ),
    )
  })
})

describe('lowBitCodec', () => {
  for (const perChannel of [false, true]) {
    for (const bits of [2, 4, 7, 8]) {
      const codec = lowBitCodec(bits, perChannel)
      it(`${codec.name} keeps zero exact, stays finite and in range, and encodes its own values unchanged in length`, () => {
        fc.assert(
          fc.property(
            fc.array(fc.float({ noNaN: true, min: -1000, max: 1000 }), { minLength: 24, maxLength: 24 }),
            fc.boolean(),
            (list, flat) => {
              const shape = flat ? [1, 24] : [1, 2, 3, 4]
              const data = Float32Array.from(list, (value, i) => (i % 5 === 0 ? 0 : value))
              const decoded = codec.decode(codec.encode({ shape, data }), shape).data
              const largest = Math.max(...data.map(Math.abs))
              for (const [i, value] of data.entries()) {
                expect(value === 0 ? decoded[i] : 0).toBe(0)
                expect(Math.abs(decoded[i]!)).toBeLessThanOrEqual(largest * 2.2 + 1e-6)
              }
            },
          ),
        )
      })
    }
  }

  it('carries large maps of nothing but zeros, or of one value', () => {
    const shape = [1, 64, 112, 112]
    for (const name of [2, 4, 8]) {
      const codec = lowBitCodec(name, false)
      for (const value of [0, 3]) {
        const data = new Float32Array(64 * 112 * 112).fill(value)
        const bytes = codec.encode({ shape, data })
        const decoded = codec.decode(bytes, shape).data
        expect(decoded.every((other) => Math.abs(other - value) < 0.01)).toBe(true)
      }
    }
  })

  it('makes smaller errors with more bits', () => {
    const data = Float32Array.from({ length: 2048 }, (_, i) => Math.sin(i * i) * 3 + Math.cos(i / 9))
    const shape = [1, 8, 16, 16]
    const errors = [2, 3, 4, 5, 6, 7, 8].map((bits) => {
      const codec = lowBitCodec(bits, false)
      const decoded = codec.decode(codec.encode({ shape, data }), shape).data
      return data.reduce((sum, value, i) => sum + (value - decoded[i]!) ** 2, 0)
    })
    for (let i = 1; i < errors.length; i++) expect(errors[i]).toBeLessThan(0.5 * errors[i - 1]!)
  })

  // Waves of both signs with zeros between, 2 channels of different size, 5 x 4 places.
  const golden = {
    shape: [1, 2, 5, 4],
    data: Float32Array.from({ length: 40 }, (_, i) =>
      i % 7 === 0 ? 0 : (((i * 37) % 23) - 9) / (i < 20 ? 4 : 64),
    ),
  }
  for (const [name, bits, perChannel, hex] of [
    ['q3', 3, false, '0000403f03b13b280e7cff2e17f08dcff5a05b0ff8dffebaca'],
    [
      'q4c',
      4,
      true,
      '3333b33eff00062006eb589700666f3603ec86200507978029213450376aa4d04c504a7fbad0755fd08fec47b0',
    ],
    ['q6', 6, false, 'abaaaa3d18b347aa22430f0100efba90af3fcd0f7e2092602e1f9c1a0094af098aa504120d1663e6'],
    [
      'q7',
      7,
      false,
      'a552293d3033f093c83163083128b6618b52a934e049d0aaf7d03330d035d233313030d23731d435363035d4330600',
    ],
    [
      'q8c',
      8,
      true,
      'a9a8a83cff0061206d012800d7ff619e30da6d00aa61e7790cb649f36118c255ff92306d6d00aa3ce6796db649f38518c26dff9124ce',
    ],
  ] as const) {
    it(`reads ${name} as it was written down`, () => {
      const codec = lowBitCodec(bits, perChannel)
      const encoded = codec.encode(golden)
      const decoded = codec.decode(Buffer.from(hex, 'hex'), golden.shape)
      expect(codec.decode(encoded, golden.shape)).toEqual(decoded)
      // Of deflate only what a stream means is fixed, not which one an encoder chooses.
      expect(bits < 7 ? Buffer.from(encoded).toString('hex') : hex).toBe(hex)
    })
  }
})

describe('inflateCodes', () => {
  const codes = Uint8Array.from({ length: 500 }, (_, i) => (i * i) % 128)
  const stream = deflateRawSync(codes)

  it('takes exactly the codes that were asked for', () => {
    expect(new Uint8Array(inflateCodes(stream, 500, 127))).toEqual(codes)
    for (const [bytes, count, top] of [
      [stream, 499, 127],
      [stream, 501, 127],
      [stream, 500, 100],
      [Buffer.concat([stream, Buffer.alloc(1)]), 500, 127],
      [stream.subarray(0, -1), 500, 127],
      [Buffer.alloc(0), 500, 127],
      [Buffer.from([7]), 500, 127],
    ] as const) {
      expect(() => inflateCodes(bytes, count, top)).toThrow(RangeError)
    }
  })

  it('stops a stream that would become gigabytes', () => {
    const bomb = deflateRawSync(new Uint8Array(1 << 26))
    const before = process.memoryUsage.rss()
    expect(() => inflateCodes(bomb, 1000, 255)).toThrow(/must be undamaged/)
    expect(process.memoryUsage.rss() - before).toBeLessThan(32 << 20)
  })
})
