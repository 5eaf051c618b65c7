import sharp, { type Sharp } from 'sharp'
import type { PictureInput } from '../model-graph/manifest.ts'
import type { PictureHeader } from './picture-header.ts'
import { unreadable } from './unreadable.ts'

// A daemon sees each picture once: libvips' cache of operations would only hold memory.
sharp.cache(false)

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
 * Makes of a picture `size` sRGB pixels: upright by its EXIF orientation, fitted as the model wants, transparency over the
 * ground. Only an animation's first frame is used.
 * @param header As `checkPicture` gave it.
 * @param finish What is made of the pixels.
 * @throws {InputError}
 */
export async function readImage<T>(
  bytes: Uint8Array,
  { format, width, height, hasAlpha }: PictureHeader,
  input: PictureInput,
  finish: (pixels: Sharp) => Promise<T>,
  size: { readonly width: number; readonly height: number } = input,
): Promise<ReadImage<T>> {
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
