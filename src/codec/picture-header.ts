import sharp from 'sharp'
import { notAPicture } from '../input/find-picture.ts'
import { InputError } from '../input/input-error.ts'
import { type PictureFormat, pictureFormat } from '../input/picture-format.ts'
import { readJpegHeader } from './jpeg-header.ts'
import { unreadable } from './unreadable.ts'

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

/** What a picture's header says. */
export interface PictureHeader {
  readonly format: PictureFormat
  /** Pixels, upright. */
  readonly width: number
  readonly height: number
  readonly hasAlpha: boolean
  /**
   * Bytes that decoding claims whatever size the picture is wanted in. A baseline JPEG is shrunk while it is decoded and
   * a PNG read line by line; interlaced PNGs, JPEGs of several scans (their coefficients, 16 bits) and the other formats
   * are held whole, however few bytes they came in.
   */
  readonly heldBytes: number
}

/**
 * A picture's header, checked against the limits: nothing is decoded and no pixel allocated.
 * @throws {InputError}
 */
export async function checkPicture(bytes: Uint8Array, limits: ImageLimits = {}): Promise<PictureHeader> {
  const { maxBytes = defaultMaxBytes, maxHeldBytes = defaultMaxHeldBytes } = limits
  if (bytes.length > maxBytes) {
    throw new InputError(
      'too-large',
      `Cannot decode image: it must have at most ${maxBytes} bytes, current value is ${bytes.length}; send a smaller or more compressed picture`,
    )
  }
  const header = await readPictureHeader(bytes)
  const { format, width, height, heldBytes } = header
  const isShrunk = format === 'JPEG' && heldBytes === 0
  const { maxPixels = isShrunk ? maxBaselinePixels : defaultMaxPixels } = limits
  if (width * height > maxPixels) {
    throw new InputError(
      'too-large',
      `Cannot decode image: it must have at most ${maxPixels} pixels, current value is ${width} x ${height}; resize it before sending`,
    )
  }
  if (heldBytes > maxHeldBytes) {
    const kind =
      format === 'PNG' ? 'an interlaced PNG' : format === 'JPEG' ? 'a progressive JPEG' : `in ${format}`
    throw new InputError(
      'too-large',
      `Cannot decode image: decoding must hold at most ${maxHeldBytes} bytes, current value is ${heldBytes}, as a picture of ${width} x ${height} that is ${kind} is held whole; send it as baseline JPEG, or smaller`,
    )
  }
  return header
}

/** @throws {InputError} for what is no picture, or has no header that can be read. */
export async function readPictureHeader(bytes: Uint8Array): Promise<PictureHeader> {
  // Decided here, so that the rarer and more dangerous decoders of libvips (SVG, TIFF, ...) never see a message.
  const format = pictureFormat(bytes)
  if (format === undefined) throw notAPicture(bytes)
  const jpeg = format === 'JPEG' ? readJpegHeader(bytes) : undefined
  if (jpeg === undefined) return askedOnce(bytes, format)
  const { isHeldWhole, orientation } = jpeg
  const [width, height] = orientation < 5 ? [jpeg.width, jpeg.height] : [jpeg.height, jpeg.width]
  const heldBytes = isHeldWhole ? heldWhole({ ...jpeg, sampleBytes: 2 }) : 0
  return { format, width, height, hasAlpha: false, heldBytes }
}

/** What a decoding claims is asked for before it waits for its turn, and again when it begins: the library reads a file once. */
const asked = new WeakMap<Uint8Array, Promise<PictureHeader>>()

function askedOnce(bytes: Uint8Array, format: PictureFormat): Promise<PictureHeader> {
  const header = asked.get(bytes) ?? askLibrary(bytes, format)
  asked.set(bytes, header)
  return header
}

async function askLibrary(bytes: Uint8Array, format: PictureFormat): Promise<PictureHeader> {
  const metadata = await sharp(bytes, { limitInputPixels: false }).metadata().catch(unreadable)
  const { autoOrient, hasAlpha, isProgressive, depth } = metadata
  const isStreamed = (format === 'JPEG' || format === 'PNG') && !isProgressive
  // Of WebP and AVIF decoders some hold the planes and the result.
  const sampleBytes = format === 'PNG' && depth !== 'ushort' ? 1 : 2
  const heldBytes = isStreamed ? 0 : heldWhole({ ...metadata, sampleBytes })
  return { format, width: autoOrient.width, height: autoOrient.height, hasAlpha, heldBytes }
}

function heldWhole({
  width,
  height,
  channels = 4,
  sampleBytes,
}: {
  readonly width: number
  readonly height: number
  readonly channels?: number
  readonly sampleBytes: number
}): number {
  return width * height * channels * sampleBytes
}
