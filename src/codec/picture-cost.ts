import sharp from 'sharp'

/** Pixels of a picture that costs as much as any camera's, whatever its format. */
const cheapPixels = 4_000_000

/**
 * What decoding a picture claims, by its header alone. A baseline JPEG is shrunk while it is decoded, line by line; an
 * interlaced PNG or a progressive JPEG is held whole, some bytes a pixel, however few bytes it came in. What cannot be
 * read is cheap: it is refused at once.
 */
export async function pictureCost(bytes: Uint8Array): Promise<'cheap' | 'expensive'> {
  try {
    const { width, height, format, isProgressive } = await sharp(bytes, {
      limitInputPixels: false,
    }).metadata()
    const isShrunk = format === 'jpeg' && !isProgressive
    return isShrunk || width * height <= cheapPixels ? 'cheap' : 'expensive'
  } catch {
    return 'cheap'
  }
}
