import type { Sharp } from 'sharp'
import { channelsOf, type PictureInput } from '../model-graph/manifest.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { type ImageLimits, type ReadImage, readImage, unreadable } from './image-source.ts'

/**
 * The picture as the model will see it, from the bytes of a file: upright, fitted as the model wants, over the ground.
 * Red, green and blue of each pixel, or its luminance, row by row.
 * @throws {InputError} See `InputErrorCode`.
 */
export async function readPixels(
  bytes: Uint8Array,
  input: PictureInput,
  limits?: ImageLimits,
): Promise<ReadImage<Uint8Array>> {
  const channels = channelsOf(input)
  const read = await readImage(
    bytes,
    input,
    (source: Sharp) =>
      (channels === 1 ? source.greyscale().toColourspace('b-w') : source)
        .raw()
        .toBuffer({ resolveWithObject: true }),
    limits,
  )
  const { data: made, info } = read.made
  if (info.channels !== channels) unreadable(`${info.channels} channels after conversion`)
  return { ...read, made }
}

/** {@link readPixels} alone. @throws {InputError} See `InputErrorCode`. */
export async function decodePixels(
  bytes: Uint8Array,
  input: PictureInput,
  limits?: ImageLimits,
): Promise<Uint8Array> {
  return (await readPixels(bytes, input, limits)).made
}

/**
 * The model's input, shape [1, channels, height, width], of what {@link readPixels} gives: (pixel - mean) / scale per
 * channel in the manifest's channel order.
 * @param data memory for it: fresh memory of that size costs more than filling it.
 * @throws {InputError} where they are not as many as the model takes.
 */
export function pixelsToInput(
  pixels: Uint8Array,
  input: PictureInput,
  data = new Float32Array(channelsOf(input) * input.width * input.height),
): TensorValue {
  const channels = channelsOf(input)
  const area = input.width * input.height
  if (pixels.length !== channels * area) unreadable(`${pixels.length} bytes instead of ${channels * area}`)
  const table = new Float32Array(256)
  for (let channel = 0; channel < channels; channel++) {
    const from = input.channels === 'bgr' ? 2 - channel : channel
    const mean = input.mean[channel]!
    const scale = input.scale[channel]!
    for (let value = 0; value < table.length; value++) table[value] = (value - mean) / scale
    const start = channel * area
    for (let i = 0; i < area; i++) data[start + i] = table[pixels[i * channels + from]!]!
  }
  return { shape: [1, channels, input.height, input.width], data }
}

/** The model's input from a picture's bytes. @throws {InputError} See `InputErrorCode`. */
export async function decodeImage(
  bytes: Uint8Array,
  input: PictureInput,
  limits?: ImageLimits,
): Promise<TensorValue> {
  return pixelsToInput(await decodePixels(bytes, input, limits), input)
}
