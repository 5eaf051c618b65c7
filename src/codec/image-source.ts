import sharp, { type Sharp } from 'sharp'
import { notAPicture } from '../input/find-picture.ts'
import { InputError } from '../input/input-error.ts'
import { pictureFormat } from '../input/picture-format.ts'
import type { PictureInput } from '../model-graph/manifest.ts'
import { heldBytes } from './picture-cost.ts'

// A daemon sees each picture once: libvips' cache of operations would only hold memory.
sharp.cache(false)

export interface ImageLimits {
  /** Default 8 MiB. */
  readonly maxBytes?: number
  /** Width times height before resizing. Default 40 million, of a baseline JPEG 200 million. */
  readonly maxPixels?: number
  /** What its decoder may hold at once. Default 128 MiB. */
  readonly maxHeldBytes?: number
}

const defaultMaxBytes = 8 * 1024 * 1024
const defaultMaxPixels = 40_000_000
const defaultMaxHeldBytes = 128 * 1024 * 1024
/** Of a baseline JPEG, which costs time but no memory: an eighth of its sides is decoded. */
const maxBaselinePixels = 200_000_000
/** Less of a damaged JPEG says too little about what was in the picture. */
const leastWhole = 0.75

export interface ReadImage<T> {
  readonly made: T
  /** Pixels of the picture as it was sent, upright. */
  readonly width: number
  readonly height: number
  /** The file ends early or is corrupt; the most of the picture is there. */
  readonly isDamaged: boolean
}

/**
 * Checks a picture without decoding it, then makes of it `size` sRGB pixels: upright by its EXIF orientation, fitted as
 * the model wants, transparency over the ground. Only an animation's first frame is used.
 * @param finish What is made of the pixels.
 * @throws {InputError}
 */
export async function readImage<T>(
  bytes: Uint8Array,
  input: PictureInput,
  finish: (pixels: Sharp) => Promise<T>,
  limits: ImageLimits = {},
  size: { readonly width: number; readonly height: number } = input,
): Promise<ReadImage<T>> {
  const { maxBytes = defaultMaxBytes } = limits
  if (bytes.length > maxBytes) {
    throw new InputError(
      'too-large',
      `Cannot decode image: it must have at most ${maxBytes} bytes, current value is ${bytes.length}; send a smaller or more compressed picture`,
    )
  }
  // Decided here, so that the rarer and more dangerous decoders of libvips (SVG, TIFF, ...) never see a message.
  const format = pictureFormat(bytes)
  if (format === undefined) throw notAPicture(bytes)
  const { width, height, hasAlpha } = await checkedMetadata(bytes, limits)
  const make = (failOn: 'error' | 'none') => {
    const source = sharp(bytes, { limitInputPixels: false, failOn }).autoOrient()
    const { ground = 255 } = input
    // Before it is resized, so that what is hidden under clear pixels does not bleed into others.
    const opaque = hasAlpha ? source.flatten({ background: { r: ground, g: ground, b: ground } }) : source
    return finish(fitted(opaque, input, size).toColourspace('srgb'))
  }
  try {
    return { made: await make('error'), width, height, isDamaged: false }
  } catch (cause) {
    if (format !== 'JPEG') unreadable(cause)
    await requireMostOf(bytes, cause)
    return { made: await make('none').catch(unreadable), width, height, isDamaged: true }
  }
}

/** For the rejection of a sharp call: what libvips says, as an {@link InputError}. */
export function unreadable(cause: unknown): never {
  const reason = cause instanceof Error ? cause.message : String(cause)
  throw new InputError(
    'unreadable',
    `Cannot decode image: it must be a whole, undamaged file (${reason.trim()}); send it again or re-save it`,
    { cause },
  )
}

async function checkedMetadata(
  bytes: Uint8Array,
  { maxPixels, maxHeldBytes = defaultMaxHeldBytes }: ImageLimits,
): Promise<{ width: number; height: number; hasAlpha: boolean }> {
  const metadata = await sharp(bytes, { limitInputPixels: false }).metadata().catch(unreadable)
  const { width, height, hasAlpha, autoOrient, format } = metadata
  const isShrunk = format === 'jpeg' && !metadata.isProgressive
  const mostPixels = maxPixels ?? (isShrunk ? maxBaselinePixels : defaultMaxPixels)
  if (width * height > mostPixels) {
    throw new InputError(
      'too-large',
      `Cannot decode image: it must have at most ${mostPixels} pixels, current value is ${width} x ${height}; resize it before sending`,
    )
  }
  const held = heldBytes(metadata)
  if (held > maxHeldBytes) {
    throw new InputError(
      'too-large',
      `Cannot decode image: decoding must hold at most ${maxHeldBytes} bytes, current value is ${held}, as a picture of ${width} x ${height} that is ${format === 'png' ? 'an interlaced PNG' : format === 'jpeg' ? 'a progressive JPEG' : `in ${format}`} is held whole; send it as baseline JPEG, or smaller`,
    )
  }
  return { width: autoOrient.width, height: autoOrient.height, hasAlpha }
}

function fitted(
  source: Sharp,
  { fit = 'cover', align = 'centre', bar = 114 }: PictureInput,
  { width, height }: { readonly width: number; readonly height: number },
): Sharp {
  return source.resize(width, height, {
    fit: fit === 'stretch' ? 'fill' : fit,
    // Bars and distortion are how detectors are trained, and so is this kernel.
    ...(fit !== 'cover' && { kernel: 'linear' }),
    position: fit === 'contain' && align === 'top-left' ? 'left top' : 'centre',
    background: { r: bar, g: bar, b: bar },
  })
}

/** Looks at a small version of a damaged JPEG. @throws {InputError} where too little of it is there. */
async function requireMostOf(bytes: Uint8Array, cause: unknown): Promise<void> {
  const { data, info } = await sharp(bytes, { limitInputPixels: false, failOn: 'none' })
    .resize(64, 64, { fit: 'fill', kernel: 'nearest' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch(unreadable)
  // What is missing libjpeg leaves grey.
  const rowBytes = info.width * info.channels
  let rows = info.height
  while (rows > 0 && isGrey(data.subarray((rows - 1) * rowBytes, rows * rowBytes))) rows -= 1
  if (rows < leastWhole * info.height) unreadable(cause)
}

function isGrey(row: Uint8Array): boolean {
  return row.every((value) => Math.abs(value - 128) <= 2)
}
