import { FrameError } from './frame-error.ts'
import { checkDuration, checkLimit, checkNewName, checkShape, type FrameLimits } from './frame-limits.ts'

/** Collects fields of a frame in order; `frame.ts` says which. Every method throws FrameError for what cannot be. */
export class FrameWriter {
  readonly #limits: FrameLimits
  readonly #pieces: Uint8Array[] = []
  readonly #names = new Set<string>()
  #length = 0

  constructor(limits: FrameLimits) {
    this.#limits = limits
  }

  u8(value: number): void {
    this.#push(Uint8Array.of(value))
  }

  u16(value: number): void {
    this.#push(Uint8Array.of(value & 0xff, value >>> 8))
  }

  u32(value: number): void {
    this.#push(Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24))
  }

  duration(field: string, value: number): void {
    checkDuration('encode', field, value)
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setFloat64(0, value, true)
    this.#push(bytes)
  }

  count(field: string, count: number): void {
    checkLimit('encode', field, count, this.#limits.maxParts)
    this.u16(count)
  }

  /** 16 bytes, given as hex digits. */
  bytes16(field: string, hex: string): void {
    if (!/^[0-9a-f]{32}$/.test(hex)) {
      throw new FrameError(
        'value',
        `Cannot encode frame: ${field} must be 32 lower-case hex digits, current value is "${hex}"`,
      )
    }
    this.#push(Buffer.from(hex, 'hex'))
  }

  string(field: string, text: string): void {
    if (/\p{Surrogate}/u.test(text)) {
      throw new FrameError('value', `Cannot encode frame: ${field} must be well-formed text`)
    }
    const bytes = Buffer.from(text, 'utf8')
    checkLimit('encode', `bytes of ${field}`, bytes.length, this.#limits.maxStringBytes)
    this.u16(bytes.length)
    this.#push(bytes)
  }

  part(part: { readonly name: string; readonly shape: readonly number[]; readonly bytes: Uint8Array }): void {
    checkNewName('encode', this.#names, part.name)
    this.string('part name', part.name)
    checkShape('encode', part.shape, this.#limits)
    this.u8(part.shape.length)
    for (const axis of part.shape) this.u32(axis)
    checkLimit('encode', 'bytes', part.bytes.length, this.#limits.maxBytes)
    this.u32(part.bytes.length)
    this.#push(part.bytes)
  }

  finish(): Uint8Array<ArrayBuffer> {
    checkLimit('encode', 'bytes', this.#length, this.#limits.maxBytes)
    const whole = new Uint8Array(this.#length)
    let at = 0
    for (const piece of this.#pieces) {
      whole.set(piece, at)
      at += piece.length
    }
    return whole
  }

  #push(bytes: Uint8Array): void {
    this.#pieces.push(bytes)
    this.#length += bytes.length
  }
}
