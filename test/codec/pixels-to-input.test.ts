import { expect, test } from 'vitest'
import { PixelValue, pixelsToInput } from '../../src/codec/pixels-to-input.ts'
import type { PictureInput } from '../../src/model-graph/manifest.ts'

const pixels = Uint8Array.of(12, 24, 40, 0, 255, 30)

test.each<[PictureInput['channels'], number[], number[]]>([
  ['rgb', [1, -5, 1, 58.75, 2, 0], [1, 1, 2, -5, 58.75, 0]],
  ['bgr', [15, 10, 1, 58.75, -3.6, -6], [15, 1, -3.6, 10, 58.75, -6]],
])('PixelValue: %s in both orders', (channels, first, last) => {
  const picture: PictureInput = { width: 2, height: 1, mean: [10, 20, 30], scale: [2, 4, 5], channels }
  const memory = new Float32Array(6)
  const value = new PixelValue(pixels, picture, memory)
  expect([value.shape, value.lentMemory]).toEqual([[1, 3, 1, 2], memory])
  const to = new Float32Array(6)
  value.writeChannelsLast(to)
  expect(to).toEqual(Float32Array.from(last))
  expect(memory).toEqual(new Float32Array(6))
  expect(value.data).toEqual(Float32Array.from(first))
  expect(value.data).toBe(memory)
  expect(pixelsToInput(pixels, picture)).toEqual({ shape: [1, 3, 1, 2], data: Float32Array.from(first) })
})

test('PixelValue: grey has one channel, and another number of pixels is refused', () => {
  const picture: PictureInput = { width: 3, height: 1, channels: 'grey', mean: [5, 0, 0], scale: [2, 1, 1] }
  const value = new PixelValue(Uint8Array.of(5, 7, 9), picture)
  const to = new Float32Array(3)
  value.writeChannelsLast(to)
  expect([value.shape, to, value.data]).toEqual([
    [1, 1, 1, 3],
    Float32Array.of(0, 1, 2),
    Float32Array.of(0, 1, 2),
  ])
  expect(() => new PixelValue(new Uint8Array(4), picture)).toThrow(/must be 3 bytes, current value is 4/)
})
