import sharp from 'sharp'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { cheapBytes } from './picture-cost.ts'
import { checkPicture } from './picture-header.ts'

/**
 * An input made small enough to be compared with others at hardly any cost. Of a picture: an eighth as wide and high, in
 * red, green and blue of 0 to 255. Each is the mean of 64 pixels, in which most of a camera's noise is gone, and of a
 * JPEG all that is decoded (libjpeg makes it of one coefficient a block). Of numbers: the numbers.
 */
export interface InputSketch {
  readonly shape: readonly number[]
  readonly data: Uint8Array | Float32Array
}

const shrink = 8

/** @throws {Error} for a picture that is damaged, cannot be read, or is expensive to decode. */
export async function sketchPicture(picture: Uint8Array): Promise<InputSketch> {
  // Pictures that claim more wait for their turn, and are not looked at twice.
  const { width, height } = await checkPicture(picture, { maxHeldBytes: cheapBytes })
  const { data, info } = await sharp(picture, { limitInputPixels: false, failOn: 'error' })
    .autoOrient()
    .resize(Math.ceil(width / shrink), Math.ceil(height / shrink), { fit: 'fill' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { shape: [info.height, info.width, info.channels], data }
}

export function sketchValues(values: readonly TensorValue[]): InputSketch {
  const numbers = values.flatMap(({ data }) => [...data])
  return { shape: [numbers.length], data: Float32Array.from(numbers) }
}

/**
 * The largest difference between two numbers of the same place: what is new in a corner of the picture counts as much as
 * a change of all of it. Infinity where the sizes differ. O(numbers).
 */
export function sketchDifference(a: InputSketch, b: InputSketch): number {
  if (a.shape.length !== b.shape.length || a.shape.some((axis, i) => axis !== b.shape[i])) return Infinity
  let largest = 0
  for (let i = 0; i < a.data.length; i++) largest = Math.max(largest, Math.abs(a.data[i]! - b.data[i]!))
  return largest
}
