import { describeReceived } from './describe-received.ts'
import { InputError } from './input-error.ts'
import { valueAt } from './json-path.ts'
import { pictureFormat } from './picture-format.ts'
import { textPicture } from './text-picture.ts'

export interface PictureMessage {
  readonly payload: Uint8Array
  /** As the sender declares it; what is not a picture's is refused before anything is decoded. */
  readonly contentType?: string | undefined
}

/**
 * A picture's bytes in what was sent: themselves, as base64 or a data URI, or so at a path in JSON.
 * @param jsonPath Where the publisher's JSON holds the text of the picture.
 * @throws {InputError} that says what was received instead.
 */
export function findPicture({ payload, contentType }: PictureMessage, jsonPath?: string): Uint8Array {
  if (pictureFormat(payload) !== undefined) return payload
  const type = contentType?.split(';')[0]!.trim().toLowerCase()
  const mayBeJson = type === undefined || !type.startsWith('image/')
  if (jsonPath !== undefined && mayBeJson) return pictureInJson(payload, jsonPath)
  const written = textPicture(payload)
  if (written !== undefined) return written.bytes()
  throw notAPicture(payload, contentType)
}

function pictureInJson(payload: Uint8Array, path: string): Uint8Array {
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(payload).toString())
  } catch {
    // Also from a publisher of JSON a bare picture's text may come.
    const bare = textPicture(payload)
    if (bare !== undefined) return bare.bytes()
    throw notAPicture(payload)
  }
  const text = valueAt(json, path)
  const written = typeof text === 'string' ? textPicture(Buffer.from(text, 'latin1')) : undefined
  if (written !== undefined) return written.bytes()
  throw new InputError(
    'unsupported',
    `Cannot decode image: the JSON must hold a picture's base64 or data URI at ${path}, there is ${text === undefined ? 'nothing' : `a ${typeof text}`}`,
  )
}

/** The error that tells what was received instead of a picture. */
export function notAPicture(payload: Uint8Array, contentType?: string): InputError {
  const declared =
    contentType === undefined ? '' : ` (content type ${JSON.stringify(contentType.slice(0, 64))})`
  return new InputError(
    payload.length === 0 ? 'empty' : 'unsupported',
    `Cannot decode image: it must be a JPEG, PNG, WebP, GIF or AVIF file, ${describeReceived(payload)}${declared}`,
  )
}
