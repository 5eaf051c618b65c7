import { FrameError } from './frame-error.ts'
import { checkDuration, checkLimit, checkNewName, checkShape, type FrameLimits } from './frame-limits.ts'

/** Reads fields of a frame in order; `frame.ts` says which. Every method throws FrameError for what cannot be. */
export class FrameReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #limits: FrameLimits
  // A byte order mark is text like any other: it must survive the round trip.
  readonly #text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  readonly #names = new Set<string>()
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

  u32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  duration(field: string): number {
    const value = this.#view.getFloat64(this.#take(8), true)
    checkDuration('decode', field, value)
    return value
  }

  count(field: string): number {
    const count = this.u16()
    checkLimit('decode', field, count, this.#limits.maxParts)
    return count
  }

  /** 16 bytes, as hex digits. */
  bytes16(): string {
    const bytes = this.#slice(16)
    return Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString('hex')
  }

  string(field: string): string {
    const length = this.u16()
    checkLimit('decode', `bytes of ${field}`, length, this.#limits.maxStringBytes)
    try {
      return this.#text.decode(this.#slice(length))
    } catch (cause) {
      if (cause instanceof FrameError) throw cause
      throw new FrameError('value', `Cannot decode frame: ${field} must be valid UTF-8`, { cause })
    }
  }

  part(): { name: string; shape: number[]; bytes: Uint8Array } {
    const name = this.string('part name')
    checkNewName('decode', this.#names, name)
    const rank = this.u8()
    checkLimit('decode', 'rank', rank, this.#limits.maxRank)
    const shape: number[] = []
    for (let axis = 0; axis < rank; axis++) shape.push(this.u32())
    checkShape('decode', shape, this.#limits)
    return { name, shape, bytes: this.#slice(this.u32()) }
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
