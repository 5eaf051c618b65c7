import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { findPicture } from '../../src/input/find-picture.ts'
import type { InputError } from '../../src/input/input-error.ts'
import { bundledPhoto } from '../model-input.ts'

const jpeg = await readFile(bundledPhoto('cat'))
const text = (value: string) => new TextEncoder().encode(value)

function refused(payload: Uint8Array, jsonPath?: string, contentType?: string): InputError {
  try {
    findPicture({ payload, contentType }, jsonPath)
  } catch (error) {
    return error as InputError
  }
  throw new Error('was taken')
}

describe('findPicture', () => {
  it('takes a file as it is, in every spelling of base64, and at a path in JSON', () => {
    expect(findPicture({ payload: jpeg })).toBe(jpeg)
    const base64 = jpeg.toString('base64')
    const lines = base64.replaceAll(/(.{76})/g, '$1\r\n')
    for (const written of [
      base64,
      lines,
      jpeg.toString('base64url'),
      `data:image/jpeg;base64,${base64}`,
      ` data:image/jpeg;charset=utf-8;base64,\n${base64}`,
    ])
      expect(Buffer.from(findPicture({ payload: text(written) })).equals(jpeg)).toBe(true)
    const payload = text(JSON.stringify({ event: { images: [`data:;base64,${base64}`] } }))
    expect(Buffer.from(findPicture({ payload }, 'event.images.0')).equals(jpeg)).toBe(true)
    // Another publisher on the same topic sends files.
    expect(findPicture({ payload: jpeg }, 'event.images.0')).toBe(jpeg)
  })

  it('says what was received instead', () => {
    expect(refused(new Uint8Array())).toMatchObject({
      code: 'empty',
      message: expect.stringMatching(/it is empty/),
    })
    const part = Buffer.concat([
      text('--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 23456\r\n\r\n'),
      jpeg,
    ])
    expect(refused(part).message).toMatch(
      /begins with text `--frame`; a JPEG begins at byte 60, publish it from there/,
    )
    expect(refused(Buffer.concat([text('\r\n'), jpeg])).message).toMatch(
      /begins with 0D 0A FF D8 .*; a JPEG begins at byte 2/,
    )
    const mangled = text(new TextDecoder().decode(jpeg))
    expect(refused(mangled).message).toMatch(/EF BF BD EF BF BD .*passed through UTF-8 text/)
    expect(refused(text('{"image": 7}'), 'image').message).toMatch(
      /base64 or data URI at image, there is a number/,
    )
    expect(refused(text('{"image": 7}'), 'constructor.name').message).toMatch(/there is nothing/)
    expect(refused(text('hello'), undefined, 'text/plain').message).toMatch(
      /text `hello` \(content type "text\/plain"\)/,
    )
  })
})
