import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { decodePixels, readPixels } from '../../src/codec/image-input.ts'
import { pictureCost } from '../../src/codec/picture-cost.ts'
import { findPicture } from '../../src/input/find-picture.ts'
import type { PictureInput } from '../../src/model-graph/manifest.ts'
import { noSharedData, sharedData } from '../shared-data.ts'

const input: PictureInput = { width: 224, height: 224, channels: 'rgb', mean: [0, 0, 0], scale: [1, 1, 1] }

/** The published cases of what cameras, dashboards and grabbers send, and what each is to be taken for. */
describe('cases of inputs', () => {
  const read = async (path: string) => readFile(sharedData(`cases/inputs/${path}`)!)
  const decoded = async (payload: Uint8Array) => decodePixels(findPicture({ payload }), input)
  const same = (a: Uint8Array, b: Uint8Array) => Buffer.from(a).equals(b)
  const absent = sharedData('cases/inputs') === undefined

  it('takes base64 and a data URI for the picture they hold', async ({ skip }) => {
    skip(absent, noSharedData)
    const plain = await decoded(await read('base64-data-uri/plain.jpg'))
    expect(same(await decoded(await read('base64-data-uri/b64.txt')), plain)).toBe(true)
    expect(same(await decoded(await read('base64-data-uri/datauri.txt')), plain)).toBe(true)
  })

  it('takes a JPEG without its end for the whole one, and says damaged', async ({ skip }) => {
    skip(absent, noSharedData)
    const plain = await read('jpeg-without-end-marker/plain.jpg')
    const open = await readPixels(await read('jpeg-without-end-marker/no-eoi.jpg'), input)
    expect(open).toMatchObject({ isDamaged: true, width: 300, height: 200 })
    expect(same(open.made, await decoded(plain))).toBe(true)
    const cut = await readPixels(plain.subarray(0, Math.round(0.92 * plain.length)), input)
    expect(cut.isDamaged).toBe(true)
    await expect(readPixels(plain.subarray(0, plain.length >> 1), input)).rejects.toMatchObject({
      code: 'unreadable',
    })
    expect((await readPixels(plain, input)).isDamaged).toBe(false)
  })

  it.for([
    ['empty-payload/empty', 'empty', /it is empty/],
    ['jpeg-through-utf8/utf8-mangled.jpg', 'unsupported', /EF BF BD EF BF BD .*UTF-8 text/],
    ['mjpeg-multipart-part/multipart.jpg', 'unsupported', /text `--frame`; a JPEG begins at byte \d+/],
    ['mjpeg-multipart-part/lead-newline.jpg', 'unsupported', /0D 0A .*; a JPEG begins at byte 2/],
  ] as const)('says what %s is', async ([path, code, message], { skip }) => {
    skip(absent, noSharedData)
    const failure = decoded(await read(path))
    await expect(failure).rejects.toMatchObject({ code })
    await expect(failure).rejects.toThrow(message)
  })

  it('refuses a picture for what its decoder would hold, by its header', async ({ skip }) => {
    skip(absent, noSharedData)
    const bomb = await read('interlaced-png-25-megapixels/bomb-interlaced-small.png')
    expect(await pictureCost(bomb)).toBe('expensive')
    await expect(decoded(bomb)).rejects.toMatchObject({ code: 'too-large' })
    await expect(decoded(bomb)).rejects.toThrow(
      /200000000, as a picture of 5000 x 5000 that is an interlaced PNG/,
    )
  })

  it('sees nothing of what lies under clear pixels', async ({ skip }) => {
    skip(absent, noSharedData)
    const coffee = await decoded(await read('transparent-hides-photo/clear224-hidden-coffee.png'))
    const black = await decoded(await read('transparent-hides-photo/clear224-hidden-black.png'))
    expect(same(coffee, black)).toBe(true)
    expect(coffee.every((value) => value === 255)).toBe(true)
  })
})
