import { readFile } from 'node:fs/promises'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import {
  decodeInput,
  encodeInput,
  encodePixels,
  isInputCodec,
  parseInputCodec,
  readEncodedPixels,
} from '../../src/codec/image-codecs.ts'
import { decodeImage, decodePixels } from '../../src/codec/image-input.ts'
import { pixelsToInput } from '../../src/codec/pixels-to-input.ts'
import { manifestSchema, requirePicture } from '../../src/model-graph/manifest.ts'
import { repositoryRoot } from '../paths.ts'

const unit = { mean: [0, 0, 0] as [number, number, number], scale: [1, 1, 1] as [number, number, number] }
const inputOf = (width: number, height: number, channels: 'rgb' | 'bgr' = 'rgb') =>
  requirePicture(
    manifestSchema.parse({
      name: 'm',
      input: { width, height, channels, ...unit },
      output: { kind: 'logits' },
    }),
  )
const photo = (name: string) => readFile(new URL(`photos/${name}`, repositoryRoot))

/** Three stripes side by side: red, green, blue; `size` pixels high, three times as wide. */
function stripes(size: number, channels: 3 | 4 = 3) {
  const data = Buffer.alloc(size * size * 3 * channels, 255)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size * 3; x++) {
      for (let c = 0; c < 3; c++)
        data[(y * size * 3 + x) * channels + c] = Math.floor(x / size) === c ? 255 : 0
    }
  }
  return sharp(data, { raw: { width: size * 3, height: size, channels } })
}

describe('decodeImage', () => {
  it('crops the centre, whichever side is longer, and writes channels first', async () => {
    const wide = await decodeImage(await stripes(8).png().toBuffer(), inputOf(8, 8))
    expect(wide.shape).toEqual([1, 3, 8, 8])
    expect([...wide.data]).toEqual([...Array(64).fill(0), ...Array(64).fill(255), ...Array(64).fill(0)])
    const tall = await decodeImage(await stripes(8).rotate(90).png().toBuffer(), inputOf(8, 8))
    expect([...tall.data]).toEqual([...wide.data])
  })

  it('applies channel order, mean and scale of the manifest', async () => {
    const bytes = await sharp({ create: { width: 4, height: 4, channels: 3, background: '#0a141e' } })
      .png()
      .toBuffer()
    const input = inputOf(4, 4)
    const firsts = async (channels: 'rgb' | 'bgr') => {
      const { data } = await decodeImage(bytes, { ...input, mean: [1, 2, 3], scale: [1, 2, 4], channels })
      return [data[0], data[16], data[32]]
    }
    expect(await firsts('rgb')).toEqual([9, 9, (30 - 3) / 4])
    expect(await firsts('bgr')).toEqual([29, 9, (10 - 3) / 4])
  })

  it('turns a picture upright by its EXIF orientation', async () => {
    const upright = await stripes(8).jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer()
    const turned = await sharp(upright)
      .rotate(270)
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .toBuffer()
    expect((await sharp(turned).metadata()).height).toBe(24)
    const [a, b] = [await decodeImage(upright, inputOf(24, 8)), await decodeImage(turned, inputOf(24, 8))]
    expect(Math.max(...a.data.map((value, i) => Math.abs(value - b.data[i]!)))).toBeLessThan(6)
    expect(a.data[0]).toBeGreaterThan(240)
  })

  it('takes grey, 16-bit, alpha, palette and CMYK pictures as RGB', async () => {
    const centre = async (bytes: Uint8Array) => {
      const { data } = await decodeImage(bytes, inputOf(8, 8))
      return [data[28]!, data[92]!, data[156]!, data.length]
    }
    const grey = await stripes(8).greyscale().toColourspace('b-w').png().toBuffer()
    expect((await sharp(grey).metadata()).channels).toBe(1)
    const [red, green, blue, length] = await centre(grey)
    expect([red, blue, length]).toEqual([green, green, 192])
    const files = [
      await stripes(8).toColourspace('rgb16').png().toBuffer(),
      await stripes(8, 4).webp({ lossless: true }).toBuffer(),
      await stripes(8).png({ palette: true }).toBuffer(),
    ]
    for (const file of files) expect(await centre(file)).toEqual([0, 255, 0, 192])
    const printable = sharp({ create: { width: 16, height: 16, channels: 3, background: '#009900' } })
    const [cyan, middle, yellow] = await centre(await printable.toColourspace('cmyk').jpeg().toBuffer())
    expect(middle! - Math.max(cyan!, yellow!)).toBeGreaterThan(100)
  })

  it('says what is wrong with a picture before decoding it', async () => {
    const bytes = await photo('cat.jpg')
    const input = inputOf(32, 32)
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    const cases: [Uint8Array, object, string, RegExp][] = [
      [bytes, { maxBytes: bytes.length - 1 }, 'too-large', /send a smaller/],
      [bytes, { maxPixels: 1000 }, 'too-large', /resize it/],
      [svg, {}, 'unsupported', /begins with text `<svg xmlns=/],
      [new Uint8Array(0), {}, 'empty', /it is empty/],
      [bytes.subarray(0, 3), {}, 'unreadable', /send it again/],
      [bytes.subarray(0, bytes.length >> 1), {}, 'unreadable', /send it again/],
    ]
    for (const [data, limits, code, message] of cases) {
      const failure = decodeImage(data, input, limits)
      await expect(failure).rejects.toMatchObject({ name: 'InputError', code })
      await expect(failure).rejects.toThrow(message)
    }
    // A PNG header that claims 30000 x 30000 pixels is refused by its claim.
    const bomb = await stripes(8).png().toBuffer()
    bomb.writeUInt32BE(30_000, 16)
    bomb.writeUInt32BE(30_000, 20)
    await expect(decodeImage(bomb, input)).rejects.toMatchObject({ name: 'InputError' })
  })

  it('gives an InputError or a tensor for any damage', async () => {
    const files = [
      await photo('cat.jpg'),
      await stripes(8).webp().toBuffer(),
      await stripes(8).png().toBuffer(),
    ]
    let random = 7
    for (let round = 0; round < 60; round++) {
      const bytes = Buffer.from(files[round % 3]!)
      for (let hit = 0; hit < 8; hit++) {
        random = (random * 48271) % 2147483647
        bytes[random % Math.min(bytes.length, 4000)] = random >> 8
      }
      const outcome = await decodeImage(bytes, inputOf(8, 8)).catch((error: unknown) => error)
      expect(outcome).toSatisfy((value: object) => 'data' in value || (value as Error).name === 'InputError')
    }
  })
})

describe('encodePixels', () => {
  it.each(['jpeg:50', 'webp:85', 'avif:55'])(
    'makes the bytes of encodeInput, and readEncodedPixels the pixels of decodeInput, in %s',
    async (name) => {
      const codec = parseInputCodec(name)
      if (codec.kind !== 'encoded') throw new TypeError(`${name} must be an encoding`)
      const [bytes, input] = [await photo('palace.jpg'), inputOf(96, 64)]
      const encoded = await encodePixels(await decodePixels(bytes, input), input, codec)
      expect(encoded).toEqual(await encodeInput(bytes, input, codec))
      const small = await encodeInput(bytes, input, { ...codec, width: 40 })
      for (const [sent, width] of [
        [encoded, 96],
        [small, 40],
      ] as const) {
        const { data } = pixelsToInput(await readEncodedPixels(sent, input, { ...codec, width }), input)
        expect(data).toEqual((await decodeInput(name, sent, input)).data)
      }
    },
  )
})

describe('encodeInput', () => {
  it('sends the model its own size: close to the direct input, smaller at lower quality', async () => {
    const bytes = await photo('cat.jpg')
    const input = inputOf(224, 224)
    const direct = await decodeImage(bytes, input)
    for (const format of ['jpeg', 'webp', 'avif'] as const) {
      const sizes: number[] = []
      for (const quality of [30, 90]) {
        const encoded = await encodeInput(bytes, input, { kind: 'encoded', format, quality })
        expect(await sharp(encoded).metadata()).toMatchObject({
          format: format === 'avif' ? 'heif' : format,
          width: 224,
          height: 224,
        })
        const { data } = await decodeImage(encoded, input)
        const error = data.reduce((sum, value, i) => sum + Math.abs(value - direct.data[i]!), 0) / data.length
        expect(error).toBeLessThan(quality === 90 ? 5 : 12)
        sizes.push(encoded.length)
      }
      expect(sizes[0]).toBeLessThan(sizes[1]! / 2)
    }
  })

  it('raw sends the very pixels: three bytes each, the same input as of the picture, any other length refused', async () => {
    const bytes = await photo('cat.jpg')
    for (const channels of ['rgb', 'bgr'] as const) {
      const input = { ...inputOf(64, 48, channels), mean: [1, 2, 3] as [number, number, number] }
      const sent = await encodeInput(bytes, input, parseInputCodec('raw'))
      expect(sent.length).toBe(3 * 64 * 48)
      expect(await decodeInput('raw', sent, input)).toEqual(await decodeImage(bytes, input))
      for (const wrong of [sent.subarray(1), new Uint8Array(sent.length + 1), new Uint8Array(0), bytes]) {
        await expect(decodeInput('raw', wrong, input)).rejects.toMatchObject({ code: 'unreadable' })
      }
    }
    const red = await encodeInput(await stripes(8).png().toBuffer(), inputOf(24, 8), parseInputCodec('raw'))
    expect([...red.subarray(0, 3)]).toEqual([255, 0, 0])
  })

  it('fails as decodeImage does', async () => {
    const encoding = { kind: 'encoded', format: 'jpeg', quality: 80 } as const
    for (const codec of [encoding, { kind: 'raw' } as const]) {
      await expect(encodeInput(Buffer.from('GIF88a'), inputOf(8, 8), codec)).rejects.toMatchObject({
        code: 'unsupported',
      })
    }
  })
})

describe('parseInputCodec', () => {
  it('reads the canonical names only', () => {
    expect(parseInputCodec('received')).toEqual({ kind: 'received' })
    expect(parseInputCodec('raw')).toEqual({ kind: 'raw' })
    expect(['raw', 'received', 'webp:3'].every(isInputCodec)).toBe(true)
    expect(['raw:3', 'float32', 'q4'].some(isInputCodec)).toBe(false)
    expect(parseInputCodec('jpeg:80')).toEqual({ kind: 'encoded', format: 'jpeg', quality: 80 })
    expect(parseInputCodec('webp:100')).toEqual({ kind: 'encoded', format: 'webp', quality: 100 })
    for (const name of [
      '',
      'jpeg',
      'jpeg:0',
      'jpeg:101',
      'jpeg:080',
      'jpeg:8.5',
      'png:80',
      'jpeg:80 ',
      'raw:1',
    ]) {
      expect(() => parseInputCodec(name)).toThrow(/quality from 1 to 100, current value is/)
    }
  })
})
