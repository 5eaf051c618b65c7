import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'

/**
 * Codes of nearly a byte each by raw deflate (RFC 1951). Run lengths instead of a search for matches: of 7 and 8 bits
 * nothing but runs repeats, so the bytes are those of level 9 or fewer, in a third of the time.
 */
export function deflateCodes(codes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { Z_RLE, Z_MAX_MEMLEVEL } = constants
  return new Uint8Array(deflateRawSync(codes, { strategy: Z_RLE, memLevel: Z_MAX_MEMLEVEL }))
}

/** 258 values in two bits: a block of nothing but the longest matches. */
export const mostCodesPerDeflatedByte = 1032

/**
 * @param top largest code there may be.
 * @throws {RangeError} where the bytes are not deflated `count` codes and nothing else; never inflates more than that.
 */
export function inflateCodes(bytes: Uint8Array, count: number, top: number): Uint8Array {
  const codes = inflate(bytes, count)
  if (codes.length !== count) throw damaged(`it has ${codes.length} codes instead of ${count}`)
  let largest = 0
  for (let i = 0; i < count; i++) largest = Math.max(largest, codes[i]!)
  if (largest > top) throw damaged(`code ${largest} is above ${top}`)
  return codes
}

function inflate(bytes: Uint8Array, count: number): Uint8Array {
  let result: { buffer: Uint8Array; engine: { bytesWritten: number } }
  try {
    // The types do not know `info`: https://nodejs.org/docs/latest-v20.x/api/zlib.html#class-options
    result = inflateRawSync(bytes, { maxOutputLength: count, info: true }) as unknown as typeof result
  } catch (cause) {
    throw damaged((cause as Error).message, cause)
  }
  if (result.engine.bytesWritten !== bytes.length) throw damaged('bytes follow its end')
  return result.buffer
}

function damaged(reason: string, cause?: unknown): RangeError {
  return new RangeError(`Cannot decode codes: the deflated stream must be undamaged (${reason})`, { cause })
}
