import { expect, test } from 'vitest'
import { presentBoxes } from '../../src/answer/present.ts'
import type { PictureInput } from '../../src/model-graph/manifest.ts'

const input: PictureInput = {
  width: 416,
  height: 416,
  fit: 'contain',
  channels: 'rgb',
  mean: [0, 0, 0],
  scale: [1, 1, 1],
}
const found = ['person', 'bicycle', 'car', 'person', 'person', 'dog', 'person', 'truck', 'person', 'backpack']

test('presentBoxes(): ten things in a picture of 1920 x 1080 take 600 bytes', () => {
  const rows = found.flatMap((_, i) => [
    101.237 + 7 * i,
    120.731 + 3 * i,
    216.123 + 9 * i,
    270.4 + i,
    0.923456 - 0.05 * i,
    i,
  ])
  const boxes = presentBoxes({ shape: [1, 10, 6], data: Float32Array.from(rows) }, found, input, {
    width: 1920,
    height: 1080,
  })
  expect(boxes[0]).toEqual({ label: 'person', score: 0.923, box: [467, 137, 997, 828] })
  expect(Buffer.byteLength(JSON.stringify(boxes))).toBeLessThanOrEqual(600)
})
