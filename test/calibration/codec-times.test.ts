import { expect, test } from 'vitest'
import { codecTimes, spread } from '../../src/calibration/codec-times.ts'

test('codecTimes() takes the lowest time of each sample, whatever else kept the machine busy, and their median', async () => {
  let nowMs = 0
  let runs = 0
  const samples = [2, 3, 9].map((ownMs) => ({
    // Four of five runs are held up.
    encode: () => {
      nowMs += ownMs + (runs++ % 5 === 0 ? 0 : 40)
      return ownMs
    },
    decode: (encoded: number) => {
      nowMs += encoded / 2
    },
  }))
  expect(await codecTimes(samples, () => nowMs)).toEqual({ encodeMs: 3, decodeMs: 1.5 })
})

test('spread() takes items from all over', () => {
  expect(spread([...Array(100).keys()], 4)).toEqual([0, 25, 50, 75])
  expect(spread([7, 8], 4)).toEqual([7, 8])
})
