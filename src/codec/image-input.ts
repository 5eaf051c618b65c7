import type { TensorValue } from '../executor/engine.ts'
import type { Manifest } from '../model-graph/manifest.ts'
import { type ImageLimits, openImage, unreadable } from './image-source.ts'

/**
 * The model's input, shape [1, 3, height, width], from the bytes of a JPEG, PNG or WebP: upright, cover-fit, centre
 * crop, alpha removed, grey as RGB, then (pixel - mean) / scale per channel in the manifest's channel order.
 * @throws {ImageError} See `ImageErrorCode`.
 */
export async function decodeImage(
  bytes: Uint8Array,
  input: Manifest['input'],
  limits?: ImageLimits,
): Promise<TensorValue> {
  const source = await openImage(bytes, input, limits)
  const { data: pixels, info } = await source.raw().toBuffer({ resolveWithObject: true }).catch(unreadable)
  if (info.channels !== 3) unreadable(`${info.channels} channels after conversion to sRGB`)
  const area = input.width * input.height
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
