import type { Metadata } from 'sharp'
import sharp from 'sharp'

/** Bytes of pixels that a decoder may hold at once for a picture that costs no more than any camera's. */
const cheapBytes = 16_000_000

export type PictureFacts = Pick<Metadata, 'width' | 'height' | 'format' | 'isProgressive'> &
  Partial<Pick<Metadata, 'channels' | 'depth' | 'bitsPerSample'>>

/**
 * Bytes that decoding a picture claims whatever size it is wanted in, by its header alone. A baseline JPEG is shrunk
 * while it is decoded and a PNG read line by line; interlaced PNGs, progressive JPEGs (their coefficients, 16 bits) and
 * the other formats are held whole, however few bytes they came in.
 */
export function heldBytes({
  width,
  height,
  format,
  isProgressive,
  channels = 4,
  depth,
}: PictureFacts): number {
  const isStreamed = (format === 'jpeg' || format === 'png') && !isProgressive
  if (isStreamed) return 0
  // Of WebP and AVIF decoders some hold the planes and the result.
  const sampleBytes = format === 'png' ? (depth === 'ushort' ? 2 : 1) : 2
  return width * height * channels * sampleBytes
}

/** Whether decoding a picture is to wait for that of others. What cannot be read is cheap: it is refused at once. */
export async function pictureCost(bytes: Uint8Array): Promise<'cheap' | 'expensive'> {
  try {
    return heldBytes(await sharp(bytes, { limitInputPixels: false }).metadata()) <= cheapBytes
      ? 'cheap'
      : 'expensive'
  } catch {
    return 'cheap'
  }
}
