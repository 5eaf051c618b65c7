import { readdir, readFile } from 'node:fs/promises'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { readJpegHeader } from '../../src/codec/jpeg-header.ts'
import { checkPicture } from '../../src/codec/picture-header.ts'
import { repositoryRoot } from '../paths.ts'

const photos = new URL('photos/', repositoryRoot)
const made = () => sharp({ create: { width: 40, height: 24, channels: 3, background: '#12aa70' } })
const scan = Buffer.from([0xff, 0xda])

describe('readJpegHeader', () => {
  it('says of the bundled photos what the picture library says', async () => {
    const names = (await readdir(photos)).filter((name) => name.endsWith('.jpg'))
    expect(names.length).toBeGreaterThan(0)
    for (const name of names) {
      const bytes = await readFile(new URL(name, photos))
      const { width, height, channels, isProgressive, orientation = 1 } = await sharp(bytes).metadata()
      expect(readJpegHeader(bytes)).toEqual({
        width,
        height,
        channels,
        isHeldWhole: isProgressive,
        orientation,
      })
    }
  })

  it('knows grey, printing colours, several scans, and each orientation', async () => {
    const plain = { width: 40, height: 24, channels: 3, isHeldWhole: false, orientation: 1 }
    const grey = await made().greyscale().toColourspace('b-w').jpeg().toBuffer()
    expect(readJpegHeader(grey)).toEqual({ ...plain, channels: 1 })
    expect(readJpegHeader(await made().toColourspace('cmyk').jpeg().toBuffer())).toEqual({
      ...plain,
      channels: 4,
    })
    const progressive = await made().jpeg({ progressive: true }).toBuffer()
    expect(readJpegHeader(progressive)).toEqual({ ...plain, isHeldWhole: true })
    for (let orientation = 1; orientation <= 8; orientation++) {
      const bytes = await made().jpeg().withMetadata({ orientation }).toBuffer()
      expect(readJpegHeader(bytes)).toEqual({ ...plain, orientation })
      const { autoOrient } = await sharp(bytes).metadata()
      expect(await checkPicture(bytes)).toMatchObject({ format: 'JPEG', ...autoOrient, hasAlpha: false })
    }
  })

  it('counts a scan for each component as held whole, though the frame says baseline', async () => {
    const bytes = await made().jpeg().toBuffer()
    const at = bytes.indexOf(scan)
    expect(bytes[at + 4]).toBe(3)
    bytes[at + 4] = 1
    expect(readJpegHeader(bytes)).toMatchObject({ isHeldWhole: true })
    // 20000 x 6000 pixels are allowed where they are shrunk while they are decoded, and 720 MB are not.
    const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]))
    bytes.writeUInt16BE(6000, frame + 5)
    bytes.writeUInt16BE(20_000, frame + 7)
    bytes[at + 4] = 3
    expect(await checkPicture(bytes)).toMatchObject({ width: 20_000, heldBytes: 0 })
    bytes[at + 4] = 1
    await expect(checkPicture(bytes)).rejects.toMatchObject({ code: 'too-large' })
  })

  it('takes any damage for another header or for none, and where it takes it, so does the library', async () => {
    const photo = await readFile(new URL('cat.jpg', photos))
    let random = 11
    const next = (below: number) => {
      random = (random * 48271) % 2147483647
      return random % below
    }
    const end = photo.indexOf(scan) + 12
    let understood = 0
    for (let round = 0; round < 200; round++) {
      const bytes = Buffer.from(photo.subarray(0, 20 + next(photo.length)))
      for (let hit = 0; hit < 3; hit++) bytes[2 + next(Math.min(bytes.length - 2, end))] = next(256)
      const header = readJpegHeader(bytes)
      const library = await sharp(bytes)
        .metadata()
        .catch(() => undefined)
      if (header !== undefined) understood += 1
      const both = header !== undefined && library !== undefined
      const size = { width: header?.width, height: header?.height }
      expect(both ? size : { width: 0 }).toMatchObject(both ? pick(library) : { width: 0 })
    }
    expect(understood).toBeGreaterThan(20)
  })
})

function pick({ width, height }: { readonly width: number; readonly height: number }) {
  return { width, height }
}
