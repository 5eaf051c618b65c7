import { latin1, magicBytes, type PictureFormat, pictureFormat } from './picture-format.ts'
import { textPicture } from './text-picture.ts'

/** Where a picture is looked for behind what should not stand before it. */
const searchedBytes = 4096
const shownBytes = 8
/** Letters that make a text of a beginning. */
const textLetters = 4
const shownCharacters = 24

/**
 * What a message that is no picture was instead, for its sender: what it begins with, and where a picture begins that
 * it was to be. Ends of a sentence.
 */
export function describeReceived(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'it is empty'
  if (latin1(bytes.subarray(0, 6)) === '\xef\xbf\xbd\xef\xbf\xbd')
    return `it begins with ${hex(bytes)}, so it was passed through UTF-8 text, which destroys a picture for good; publish the file's bytes`
  const asText = textPicture(bytes)
  if (asText !== undefined) return `it is base64 text of a ${asText.format}`
  const found = hidden(bytes)
  const beginning = `it begins with ${isPrintable(bytes) ? `text \`${firstLine(bytes)}\`` : hex(bytes)}`
  return found === undefined
    ? beginning
    : `${beginning}; a ${found.format} begins at byte ${found.at}, publish it from there`
}

function hidden(bytes: Uint8Array): { readonly format: PictureFormat; readonly at: number } | undefined {
  const end = Math.min(bytes.length - magicBytes, searchedBytes)
  for (let at = 1; at <= end; at++) {
    const format = pictureFormat(bytes.subarray(at, at + magicBytes))
    if (format !== undefined) return { format, at }
  }
  return undefined
}

function isPrintable(bytes: Uint8Array): boolean {
  return bytes.subarray(0, textLetters).every((byte) => byte >= 0x20 && byte < 0x7f)
}

function firstLine(bytes: Uint8Array): string {
  return latin1(bytes.subarray(0, shownCharacters)).split(/[^ -~]/, 1)[0]!
}

function hex(bytes: Uint8Array): string {
  return [...bytes.subarray(0, shownBytes)]
    .map((byte) => byte.toString(16).padStart(2, '0').toUpperCase())
    .join(' ')
}
