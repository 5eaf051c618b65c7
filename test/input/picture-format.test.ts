import sharp from 'sharp'
import { expect, test } from 'vitest'
import { pictureFormat } from '../../src/input/picture-format.ts'

const formats = [
  ['jpeg', 'JPEG'],
  ['png', 'PNG'],
  ['webp', 'WebP'],
  ['gif', 'GIF'],
  ['avif', 'AVIF'],
  ['tiff', undefined],
] as const

test.each(formats)('pictureFormat: what sharp writes as %s is %s', async (written, name) => {
  const bytes = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .toFormat(written)
    .toBuffer()
  expect(pictureFormat(bytes)).toBe(name)
  expect(pictureFormat(bytes.subarray(0, 2))).toBeUndefined()
})
