import type { Sharp } from 'sharp'
import { channelsOf, type PictureInput } from '../model-graph/manifest.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { type ReadImage, readImage } from './image-source.ts'
import { checkPicture, type ImageLimits, type PictureHeader } from './picture-header.ts'
import { pixelsToInput } from './pixels-to-input.ts'
import { unreadable } from './unreadable.ts'

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
  return readCheckedPixels(bytes, await checkPicture(bytes, limits), input)
}

/** {@link readPixels} of a picture that has been checked. @throws {InputError} See `InputErrorCode`. */
export async function readCheckedPixels(
  bytes: Uint8Array,
  header: PictureHeader,
  input: PictureInput,
): Promise<ReadImage<Uint8Array>> {
  const channels = channelsOf(input)
  const read = await readImage(bytes, header, input, (source: Sharp) =>
    (channels === 1 ? source.greyscale().toColourspace('b-w') : source)
      .raw()
      .toBuffer({ resolveWithObject: true }),
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

/** The model's input from a picture's bytes. @throws {InputError} See `InputErrorCode`. */
export async function decodeImage(
  bytes: Uint8Array,
  input: PictureInput,
  limits?: ImageLimits,
): Promise<TensorValue> {
  return pixelsToInput(await decodePixels(bytes, input, limits), input)
}
