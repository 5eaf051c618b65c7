export type PictureFormat = 'JPEG' | 'PNG' | 'WebP' | 'GIF' | 'AVIF'

/** Bytes that {@link pictureFormat} looks at. */
export const magicBytes = 12

/** What a picture's first bytes say it is. Decided before any decoder sees it: the rarer ones are never reached. */
export function pictureFormat(bytes: Uint8Array): PictureFormat | undefined {
  const head = latin1(bytes.subarray(0, magicBytes))
  if (head.startsWith('\xff\xd8\xff')) return 'JPEG'
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'PNG'
  if (/^GIF8[79]a/.test(head)) return 'GIF'
  if (head.length < magicBytes) return undefined
  if (head.startsWith('RIFF') && head.endsWith('WEBP')) return 'WebP'
  return /^.{4}ftyp(?:avif|avis)$/s.test(head) ? 'AVIF' : undefined
}

/** One character a byte. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
