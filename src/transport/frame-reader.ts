import { FrameError } from './frame-error.ts'
import { checkDuration, checkLimit, checkShape, type FrameLimits, largestNumber } from './frame-limits.ts'

/** Reads fields of a frame in order; `frame.ts` says which. Every method throws FrameError for what cannot be. */
export class FrameReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #limits: FrameLimits
  // A byte order mark is text like any other: it must survive the round trip.
  readonly #text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  #at = 0

  constructor(bytes: Uint8Array, limits: FrameLimits) {
    checkLimit('decode', 'bytes', bytes.length, limits.maxBytes)
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#limits = limits
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true)
  }

  number(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.u8()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new FrameError('value', `Cannot decode frame: a number must be at most ${largestNumber}`)
  }

  duration(field: string): number {
    const value = this.#view.getFloat32(this.#take(4), true)
    checkDuration('decode', field, value)
    return value
  }

  /** @param flag may be set beside the count. */
  count(field: string, flag: number): { readonly count: number; readonly isSet: boolean } {
    const byte = this.u8()
    const count = byte & ~flag
    checkLimit('decode', field, count, this.#limits.maxParts)
    return { count, isSet: (byte & flag) !== 0 }
  }

  hex(digits: number): string {
    const bytes = this.#slice(digits / 2)
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
  }

  string(field: string): string {
    const length = this.number()
    checkLimit('decode', `bytes of ${field}`, length, this.#limits.maxStringBytes)
    try {
      return this.#text.decode(this.#slice(length))
    } catch (cause) {
      if (cause instanceof FrameError) throw cause
      throw new FrameError('value', `Cannot decode frame: ${field} must be valid UTF-8`, { cause })
    }
  }

  shape(): number[] {
    const rank = this.u8()
    checkLimit('decode', 'rank', rank, this.#limits.maxRank)
    const shape: number[] = []
    for (let axis = 0; axis < rank; axis++) shape.push(this.number())
    checkShape('decode', shape, this.#limits)
    return shape
  }

  /** @param isLast They are all that is left. */
  bytes(isLast: boolean): Uint8Array {
    return this.#slice(isLast ? this.#bytes.length - this.#at : this.number())
  }

  end(): void {
    if (this.#at !== this.#bytes.length) {
      throw new FrameError(
        'length',
        `Cannot decode frame: it must end after ${this.#at} bytes, current value is ${this.#bytes.length}`,
      )
    }
  }

  #slice(length: number): Uint8Array {
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }

  #take(length: number): number {
    const start = this.#at
    if (length > this.#bytes.length - start) {
      throw new FrameError(
        'length',
        `Cannot decode frame: it must have at least ${start + length} bytes, current value is ${this.#bytes.length}`,
      )
    }
    this.#at = start + length
    return start
  }
}
