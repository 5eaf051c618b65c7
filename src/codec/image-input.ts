import type { Manifest } from '../model-graph/manifest.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { type ImageLimits, openImage, unreadable } from './image-source.ts'

/**
 * The picture as the model will see it, from the bytes of a JPEG, PNG or WebP: upright, cover-fit, centre crop, alpha
 * removed, grey as RGB. Red, green and blue of each pixel, row by row.
 * @throws {ImageError} See `ImageErrorCode`.
 */
export async function decodePixels(
  bytes: Uint8Array,
  input: Manifest['input'],
  limits?: ImageLimits,
): Promise<Uint8Array> {
  const source = await openImage(bytes, input, limits)
  const { data: pixels, info } = await source.raw().toBuffer({ resolveWithObject: true }).catch(unreadable)
  if (info.channels !== 3) unreadable(`${info.channels} channels after conversion to sRGB`)
  return pixels
}

/**
 * The model's input, shape [1, 3, height, width], of what {@link decodePixels} gives: (pixel - mean) / scale per channel
 * in the manifest's channel order.
 * @throws {ImageError} where they are not as many as the model takes.
 */
export function pixelsToInput(pixels: Uint8Array, input: Manifest['input']): TensorValue {
  const area = input.width * input.height
  if (pixels.length !== 3 * area) unreadable(`${pixels.length} bytes instead of ${3 * area}`)
  const data = new Float32Array(3 * area)
  for (let channel = 0; channel < 3; channel++) {
    const from = input.channels === 'rgb' ? channel : 2 - channel
    const mean = input.mean[channel]!
    const scale = input.scale[channel]!
    const start = channel * area
    for (let i = 0; i < area; i++) data[start + i] = (pixels[i * 3 + from]! - mean) / scale
  }
  return { shape: [1, 3, input.height, input.width], data }
}

/** The model's input from a picture's bytes. @throws {ImageError} See `ImageErrorCode`. */
export async function decodeImage(
  bytes: Uint8Array,
  input: Manifest['input'],
  limits?: ImageLimits,
): Promise<TensorValue> {
  return pixelsToInput(await decodePixels(bytes, input, limits), input)
}
