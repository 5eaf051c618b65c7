import { latin1, type PictureFormat, pictureFormat } from './picture-format.ts'

/** A picture written as text. */
export interface TextPicture {
  readonly format: PictureFormat
  readonly bytes: () => Uint8Array
}

/** Characters that hold the first bytes of a picture, rounded up to whole groups of base64. */
const magicCharacters = 16
/** A data URI's head, and white space before it. */
const headCharacters = 128

/** The picture in a text of base64 or a data URI; undefined where it is none. Only its beginning is looked at. */
export function textPicture(text: Uint8Array): TextPicture | undefined {
  const head = latin1(text.subarray(0, headCharacters + magicCharacters))
  const start = /^\s*(?:data:[\w./+-]*(?:;[\w=-]+)*;base64,\s*)?/i.exec(head)![0].length
  const magic = head.slice(start, start + magicCharacters)
  if (!/^[\w+/-]{16}$/.test(magic)) return undefined
  const format = pictureFormat(Buffer.from(magic, 'base64'))
  // White space within and the alphabet of URLs are no obstacles to Buffer.
  return format && { format, bytes: () => Buffer.from(latin1(text.subarray(start)), 'base64') }
}
