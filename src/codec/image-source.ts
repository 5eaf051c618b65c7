import sharp, { type Sharp } from 'sharp'

// A daemon sees each picture once: libvips' cache of operations would only hold memory.
sharp.cache(false)

export type ImageErrorCode = 'unreadable' | 'too-large' | 'unsupported'

/** A picture that cannot become an input; the message says what its sender should do. */
export class ImageError extends Error {
  override readonly name = 'ImageError'
  readonly code: ImageErrorCode

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export interface ImageLimits {
  /** Default 8 MiB. */
  readonly maxBytes?: number
  /** Width times height before resizing. Default 40 million. */
  readonly maxPixels?: number
}

const defaultMaxBytes = 8 * 1024 * 1024
const defaultMaxPixels = 40_000_000

/**
 * Checks a JPEG, PNG or WebP without decoding it, then gives the pipeline that makes of it `width` x `height` sRGB
 * pixels: upright by its EXIF orientation, resized so that it covers the size, cropped around the centre, without
 * alpha. Only the first frame of an animation is used.
 * @throws {ImageError}
 */
export async function openImage(
  bytes: Uint8Array,
  size: { readonly width: number; readonly height: number },
  limits: ImageLimits = {},
): Promise<Sharp> {
  const { maxBytes = defaultMaxBytes, maxPixels = defaultMaxPixels } = limits
  if (bytes.length > maxBytes) {
    throw new ImageError(
      'too-large',
      `Cannot decode image: it must have at most ${maxBytes} bytes, current value is ${bytes.length}; send a smaller or more compressed picture`,
    )
  }
  // Decided here, so that the rarer and more dangerous decoders of libvips (SVG, TIFF, ...) never see a message.
  if (!isKnownFormat(bytes)) {
    throw new ImageError(
      'unsupported',
      'Cannot decode image: it must be a JPEG, PNG or WebP file; convert it to one of these before sending',
    )
  }
  const source = sharp(bytes, { limitInputPixels: false, failOn: 'error' })
  const { width, height } = await source.metadata().catch(unreadable)
  if (width * height > maxPixels) {
    throw new ImageError(
      'too-large',
      `Cannot decode image: it must have at most ${maxPixels} pixels, current value is ${width} x ${height}; resize it before sending`,
    )
  }
  return source
    .autoOrient()
    .resize(size.width, size.height, { fit: 'cover', position: 'centre' })
    .removeAlpha()
    .toColourspace('srgb')
}

/** For the rejection of a sharp call: what libvips says, as an {@link ImageError}. */
export function unreadable(cause: unknown): never {
  const reason = cause instanceof Error ? cause.message : String(cause)
  throw new ImageError(
    'unreadable',
    `Cannot decode image: it must be a whole, undamaged file (${reason.trim()}); send it again or re-save it`,
    { cause },
  )
}

function isKnownFormat(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 12)).toString('latin1')
  return (
    head.startsWith('\xff\xd8\xff') ||
    head.startsWith('\x89PNG\r\n\x1a\n') ||
    (head.startsWith('RIFF') && head.endsWith('WEBP') && head.length === 12)
  )
}
