import { expect, test } from 'vitest'
import { toSentPicture } from '../../src/answer/sent-picture.ts'
import type { PictureInput } from '../../src/model-graph/manifest.ts'

const square: PictureInput = { width: 100, height: 100, channels: 'rgb', mean: [0, 0, 0], scale: [1, 1, 1] }
const sent = { width: 400, height: 200 }

test.each([
  // The middle 200 x 200 fill the square.
  [{ fit: 'cover' }, [0, 0, 50, 50], [100, 0, 200, 100]],
  // 100 x 50 between bars of 25.
  [{ fit: 'contain' }, [0, 25, 50, 50], [0, 0, 200, 100]],
  [{ fit: 'contain', align: 'top-left' }, [0, 0, 50, 25], [0, 0, 200, 100]],
  [{ fit: 'stretch' }, [0, 0, 50, 50], [0, 0, 200, 100]],
  // Bars are no part of the picture.
  [{ fit: 'contain' }, [-5, 0, 105, 100], [0, 0, 400, 200]],
] as const)('toSentPicture: %o', (change, box, wanted) => {
  expect(toSentPicture(box, { ...square, ...change }, sent)).toEqual(wanted)
})
