import { type PictureHeader, readPictureHeader } from './picture-header.ts'

/** Bytes of pixels that a decoder may hold at once for a picture that costs no more than any camera's. */
export const cheapBytes = 16_000_000

/** Whether decoding a picture is to wait for that of others. */
export function decodingCost({ heldBytes }: Pick<PictureHeader, 'heldBytes'>): 'cheap' | 'expensive' {
  return heldBytes <= cheapBytes ? 'cheap' : 'expensive'
}

/** {@link decodingCost} of a picture's bytes. What cannot be read is cheap: it is refused at once. */
export async function pictureCost(bytes: Uint8Array): Promise<'cheap' | 'expensive'> {
  try {
    return decodingCost(await readPictureHeader(bytes))
  } catch {
    return 'cheap'
  }
}
