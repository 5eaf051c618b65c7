import { deflateRawSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { fitKlt } from '../../../src/calibration/fit-klt.ts'
import type { Disturb } from '../../../src/calibration/fit-weights.ts'
import type { FeatureCodec } from '../../../src/codec/codec.ts'
import { createCodecs } from '../../../src/codec/create-codecs.ts'
import { featureCodec } from '../../../src/codec/feature-codecs.ts'
import { kltCodec } from '../../../src/codec/klt/klt-codec.ts'
import type { KltParameters } from '../../../src/codec/klt/klt-parameters.ts'
import { sharedTransform } from '../../../src/codec/klt/map-transform.ts'
import { packKlt, unpackKlt } from '../../../src/codec/klt/pack-klt.ts'

const [channels, height, width] = [6, 18, 5] as const
const shape = [1, channels, height, width]

function randomStream(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Channels that depend on each other, places that resemble their neighbours. */
function map(seed: number): Float32Array<ArrayBuffer> {
  const random = randomStream(seed * 7919)
  const base = Array.from({ length: 3 }, () => [random() * 4, random(), random() * 6])
  return Float32Array.from({ length: channels * height * width }, (_, i) => {
    const c = Math.floor(i / (height * width))
    const y = Math.floor(i / width) % height
    const smooth = base.reduce(
      (sum, [a, f, p], k) => sum + a! * Math.sin(f! * y + (i % width) * 0.5 + p!) * Math.cos(c * (k + 1)),
      0,
    )
    return 1 + smooth + 0.1 * random()
  })
}

const maps = Array.from({ length: 24 }, (_, i) => map(i + 1))
let parameters: KltParameters
let other: KltParameters

beforeAll(async () => {
  const power: Disturb = (disturbed) =>
    Promise.resolve(
      disturbed.reduce((all, { noise }) => all + noise.reduce((sum, x) => sum + x * x, 0) / noise.length, 0),
    )
  parameters = await fitKlt([channels, height, width], maps, power)
  other = await fitKlt([channels, height, width], maps.slice(1), power)
})

function squaredError(codec: FeatureCodec, data: Float32Array<ArrayBuffer>): number {
  const decoded = codec.decode(codec.encode({ shape, data }), shape).data
  return data.reduce((sum, value, i) => sum + (value - decoded[i]!) ** 2, 0) / data.length
}

describe('tile transform', () => {
  it('is its own inverse up to what is dropped, with tiles that stick out', () => {
    const full = maps[3]!
    const transform = sharedTransform(parameters)
    const back = transform.inverse(transform.forward(full))
    for (const [i, value] of full.entries()) expect(Math.abs(value - back[i]!)).toBeLessThan(0.25)
  })
})

describe('kltCodec', () => {
  it('keeps more of the places that matter more', async () => {
    // Noise counts 16 times as much in the upper third.
    const weight = (i: number) => (Math.floor(i / width) % height < height / 3 ? 16 : 1)
    const upper: Disturb = (disturbed) =>
      Promise.resolve(
        disturbed.reduce(
          (all, { noise }) => all + noise.reduce((sum, x, i) => sum + x * x * weight(i), 0),
          0,
        ),
      )
    const uneven = await fitKlt([channels, height, width], maps, upper)
    const unseen = map(77)
    const decodedBy = (p: KltParameters) => {
      const codec = kltCodec(p, 8)
      const { data } = codec.decode(codec.encode({ shape, data: unseen }), shape)
      const errors = [0, 0]
      for (const [i, value] of unseen.entries())
        errors[Math.floor(i / width) % height < height / 3 ? 0 : 1]! += (value - data[i]!) ** 2
      return errors[0]! / errors[1]!
    }
    expect(decodedBy(uneven)).toBeLessThan(0.6 * decodedBy(parameters))
  })

  it('comes closer with every few levels, on a map it has not seen, in fewer bytes than plain codes', () => {
    const unseen = map(99)
    const errors = [-6, 2, 6, 10, 14, 18].map((level) => squaredError(kltCodec(parameters, level), unseen))
    for (let i = 1; i < errors.length; i++) expect(errors[i]).toBeLessThan(errors[i - 1]!)
    const plain = featureCodec('q4')
    const level = [2, 4, 6, 8, 10, 12, 14, 16, 18, 20].find(
      (l) => squaredError(kltCodec(parameters, l), unseen) <= squaredError(plain, unseen),
    )!
    const tensor = { shape, data: unseen }
    expect(kltCodec(parameters, level).encode(tensor).length).toBeLessThan(0.8 * plain.encode(tensor).length)
  })

  it('carries values far outside the calibrated range by escapes', () => {
    const data = maps[0]!.map((value, i) => value + 12 * (maps[1]![i]! - maps[2]![i]!))
    const power = data.reduce((sum, value) => sum + value * value, 0) / data.length
    expect(squaredError(kltCodec(parameters, 12), data)).toBeLessThan(0.02 * power)
    expect(() => kltCodec(parameters, 12).encode({ shape, data: data.map(() => 1e9) })).toThrow(
      /near the calibrated/,
    )
    expect(() => kltCodec(parameters, 12).encode({ shape, data: data.map(() => Number.NaN) })).toThrow(
      RangeError,
    )
  })

  it('refuses the bytes of other parameters, another level and another shape', () => {
    for (const level of [-17, 64, 1.5])
      expect(() => kltCodec(parameters, level)).toThrow(/level must be -16 to 63/)
    const bytes = kltCodec(parameters, 8).encode({ shape, data: maps[0]! })
    expect(() => kltCodec(other, 8).decode(bytes, shape)).toThrow(/calibration must be the sender's/)
    expect(() => kltCodec(parameters, 9).decode(bytes, shape)).toThrow(/calibration must be the sender's/)
    expect(() => kltCodec(parameters, 8).decode(bytes, [1, channels, width, height])).toThrow(/shape must be/)
  })

  it('is found by name, wound and tensor, with parameters that survive the file', () => {
    const { tileHeight, tileWidth, kept } = parameters
    const data = Buffer.from(packKlt(parameters)).toString('base64')
    const geometry = { channels, height, width, tileHeight, tileWidth, kept }
    const transform = { wound: 'w', tensor: 't', ...geometry, data }
    const codecs = createCodecs({ version: 3, model: 'm', images: 24, rows: [], transforms: [transform] })
    const bytes = kltCodec(parameters, 10).encode({ shape, data: maps[1]! })
    expect(codecs('klt:10', 'w', 't').encode({ shape, data: maps[1]! })).toEqual(bytes)
    expect(codecs('q4', 'w', 't')).toBe(featureCodec('q4'))
    expect(() => codecs('klt:10', 'w', 'u')).toThrow(/must be calibrated/)
    expect(() => createCodecs(undefined)('klt:10', 'w', 't')).toThrow(/must be calibrated/)
    const packed = Buffer.from(data, 'base64')
    expect(unpackKlt(geometry, packed)).toEqual(parameters)
    for (const other of [packed.subarray(1), packed.subarray(0, -1), deflateRawSync(Buffer.alloc(1 << 20))])
      expect(() => unpackKlt(geometry, other)).toThrow(/data must be \d+ bytes, deflated/)
    expect(() => unpackKlt({ ...geometry, kept: channels + 1 }, packed)).toThrow(/kept must be at most/)
  })
})

describe('decoders', () => {
  it('survive 114,000 damaged tensors: a RangeError, or finite values of the right number', () => {
    const random = randomStream(3)
    const small = { shape: [1, 3, 5, 4], data: maps[2]!.slice(0, 60) }
    const cases = [
      ...['q2', 'q3c', 'q4', 'q4c', 'q6', 'q7', 'q8c'].map((name) => ({
        codec: featureCodec(name),
        tensor: small,
        // Deflate makes a stream for each.
        runs: name >= 'q7' ? 6000 : 18_000,
      })),
      { codec: kltCodec(parameters, 6), tensor: { shape, data: maps[2]! }, runs: 12_000 },
    ]
    let decodedCount = 0
    for (const { codec, tensor, runs } of cases) {
      const whole = codec.encode(tensor)
      for (let run = 0; run < runs; run++) {
        const length = random() < 0.2 ? Math.floor(random() * (whole.length + 8)) : whole.length
        const bytes = new Uint8Array(length)
        bytes.set(whole.subarray(0, length))
        for (let change = 0; change <= 3 * random(); change++) {
          bytes[Math.floor(random() * length)] = Math.floor(random() * 256)
        }
        try {
          const { data } = codec.decode(bytes, tensor.shape)
          decodedCount++
          if (data.length !== tensor.data.length || !data.every(Number.isFinite))
            throw new Error(`${codec.name} decoded nonsense`)
        } catch (error) {
          if (!(error instanceof RangeError)) throw error
        }
      }
    }
    expect(decodedCount).toBeGreaterThan(0)
  })
})
