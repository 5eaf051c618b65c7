import sharp, { type Sharp } from 'sharp'
import { channelsOf, type PictureInput } from '../model-graph/manifest.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { decodePixels, readCheckedPixels, readPixels } from './image-input.ts'
import { type ReadImage, readImage } from './image-source.ts'
import { checkPicture, type ImageLimits, type PictureHeader } from './picture-header.ts'
import { pixelsToInput } from './pixels-to-input.ts'
import { unreadable } from './unreadable.ts'

/**
 * How the input itself is sent (the wound `input`): the bytes as they came, the pixels that the model takes, or those
 * re-encoded.
 * Names, as they stand in frames and configuration: `received`, `raw`, `jpeg:<quality>`, `webp:<quality>`, `avif:<quality>`,
 * quality 1-100;
 * `@<width>` after the quality encodes it at that width instead of the model's, and the other side enlarges it.
 */
export type InputCodec =
  | { readonly kind: 'received' }
  | { readonly kind: 'raw' }
  | ({ readonly kind: 'encoded' } & ImageEncoding)

/** Three bytes a pixel, which the other side need not decode; loses nothing. */
export const rawInput = 'raw'

const encoders = {
  jpeg: (pixels: Sharp, quality: number) => pixels.jpeg({ quality }),
  webp: (pixels: Sharp, quality: number) => pixels.webp({ quality }),
  // Its least effort: that after the next takes four times as long at 224 x 224 for 4 % fewer bytes.
  avif: (pixels: Sharp, quality: number) => pixels.avif({ quality, effort: 0 }),
}

const pictureFormats = { jpeg: 'JPEG', webp: 'WebP', avif: 'AVIF' } as const

export interface ImageEncoding {
  readonly format: keyof typeof encoders
  /** 1 to 100. */
  readonly quality: number
  /** Pixels; the model's own without. */
  readonly width?: number
}

/** Whether a codec's name is one of a picture's; the others are feature codecs. */
export function isInputCodec(name: string): boolean {
  return /^(?:received$|raw$|jpeg:|webp:|avif:)/.test(name)
}

/** @throws {RangeError} where the name is none of those of {@link InputCodec}. */
export function parseInputCodec(name: string): InputCodec {
  if (name === 'received') return { kind: 'received' }
  if (name === rawInput) return { kind: 'raw' }
  const match = /^(jpeg|webp|avif):([1-9]\d?|100)(?:@([1-9]\d{0,3}))?$/.exec(name)
  if (match === null) {
    throw new RangeError(
      `Cannot parse input codec: name must be "received", "raw", "jpeg:<quality>", "webp:<quality>" or "avif:<quality>", perhaps with "@<width>", with a quality from 1 to 100, current value is "${name}"`,
    )
  }
  const width = match[3] === undefined ? {} : { width: Number(match[3]) }
  return { kind: 'encoded', format: match[1] as ImageEncoding['format'], quality: Number(match[2]), ...width }
}

/**
 * What is sent of a picture: for all but `received` as the model will see it, upright, cropped and resized.
 * @throws {InputError} See `InputErrorCode`.
 */
export async function encodeInput(
  bytes: Uint8Array,
  input: PictureInput,
  codec: InputCodec,
  limits?: ImageLimits,
): Promise<Uint8Array> {
  if (codec.kind === 'received') return bytes
  if (codec.kind === 'raw') return decodePixels(bytes, input, limits)
  return encodeChecked(bytes, await checkPicture(bytes, limits), input, codec)
}

/** What is sent, re-encoded, of a picture that has been checked. @throws {InputError} See `InputErrorCode`. */
export async function encodeChecked(
  bytes: Uint8Array,
  header: PictureHeader,
  input: PictureInput,
  { format, quality, width = input.width }: ImageEncoding,
): Promise<Uint8Array> {
  const height = encodedHeight(input, width)
  const encode = (pixels: Sharp) => encoders[format](pixels, quality).toBuffer()
  return (await readImage(bytes, header, input, encode, { width, height })).made
}

function encodedHeight({ width, height }: PictureInput, encodedWidth: number): number {
  return Math.max(1, Math.round((height * encodedWidth) / width))
}

/** What {@link encodeInput} makes of a picture at the model's size, from its pixels there. */
export async function encodePixels(
  pixels: Uint8Array,
  input: PictureInput,
  { format, quality }: ImageEncoding,
): Promise<Uint8Array> {
  const raw = { width: input.width, height: input.height, channels: channelsOf(input) } as const
  return encoders[format](sharp(pixels, { raw }), quality).toBuffer()
}

/** The pixels that the model takes from what one of the two has encoded, which needs no check. */
export async function readEncodedPixels(
  bytes: Uint8Array,
  input: PictureInput,
  { format, width = input.width }: ImageEncoding,
): Promise<Uint8Array> {
  const height = encodedHeight(input, width)
  const header = { format: pictureFormats[format], width, height, hasAlpha: false, heldBytes: 0 }
  return (await readCheckedPixels(bytes, header, { ...input, fit: 'stretch' })).made
}

/** The pixels that the model takes from what was sent in the codec of that name. @throws {InputError} See `InputErrorCode`. */
export async function readSentPixels(
  name: string,
  bytes: Uint8Array,
  input: PictureInput,
  limits?: ImageLimits,
): Promise<Pick<ReadImage<Uint8Array>, 'made' | 'isDamaged'>> {
  // What was re-encoded is fitted already; grey bars around it would be a second time's.
  if (name !== rawInput)
    return readPixels(bytes, name === 'received' ? input : { ...input, fit: 'stretch' }, limits)
  const expected = channelsOf(input) * input.width * input.height
  if (bytes.length !== expected) unreadable(`${bytes.length} bytes instead of ${expected}`)
  // Copies: the frame's memory is shared by all its parts.
  return { made: new Uint8Array(bytes), isDamaged: false }
}

/** The model's input from what was sent in the codec of that name. @throws {InputError} See `InputErrorCode`. */
export async function decodeInput(
  name: string,
  bytes: Uint8Array,
  input: PictureInput,
  limits?: ImageLimits,
): Promise<TensorValue> {
  return pixelsToInput((await readSentPixels(name, bytes, input, limits)).made, input)
}

/** A grey JPEG of that size: something to decode before the first real picture comes. */
export async function blankImage(width: number, height: number): Promise<Uint8Array> {
  const background = { r: 128, g: 128, b: 128 }
  return await sharp({ create: { width, height, channels: 3, background } })
    .jpeg()
    .toBuffer()
}
