import { FrameError } from './frame-error.ts'
import { checkDuration, checkLimit, checkShape, type FrameLimits, largestNumber } from './frame-limits.ts'

/** Collects fields of a frame in order; `frame.ts` says which. Every method throws FrameError for what cannot be. */
export class FrameWriter {
  readonly #limits: FrameLimits
  readonly #pieces: Uint8Array[] = []
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

  /** A whole number of up to 28 bits, 7 of them a byte. */
  number(field: string, value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > largestNumber) {
      throw new FrameError(
        'value',
        `Cannot encode frame: ${field} must be a whole number up to ${largestNumber}, current value is ${value}`,
      )
    }
    const bytes = [value & 0x7f]
    for (let rest = value >>> 7; rest > 0; rest >>>= 7) {
      bytes[bytes.length - 1]! |= 0x80
      bytes.push(rest & 0x7f)
    }
    this.#push(Uint8Array.from(bytes))
  }

  duration(field: string, value: number): void {
    checkDuration('encode', field, Math.fround(value))
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setFloat32(0, value, true)
    this.#push(bytes)
  }

  /** @param flag is set beside the count. */
  count(field: string, count: number, flag: number): void {
    checkLimit('encode', field, count, this.#limits.maxParts)
    this.u8(count | flag)
  }

  /** Bytes, given as so many hex digits. */
  hex(field: string, text: string, digits: number): void {
    if (text.length !== digits || !/^[0-9a-f]*$/.test(text)) {
      throw new FrameError(
        'value',
        `Cannot encode frame: ${field} must be ${digits} lower-case hex digits, current value is "${text}"`,
      )
    }
    this.#push(Buffer.from(text, 'hex'))
  }

  string(field: string, text: string): void {
    if (/\p{Surrogate}/u.test(text)) {
      throw new FrameError('value', `Cannot encode frame: ${field} must be well-formed text`)
    }
    const bytes = Buffer.from(text, 'utf8')
    checkLimit('encode', `bytes of ${field}`, bytes.length, this.#limits.maxStringBytes)
    this.number(field, bytes.length)
    this.#push(bytes)
  }

  shape(shape: readonly number[]): void {
    checkShape('encode', shape, this.#limits)
    this.u8(shape.length)
    for (const axis of shape) this.number('axis', axis)
  }

  /** @param isLast Its length is that of the rest of the frame. */
  bytes(bytes: Uint8Array, isLast: boolean): void {
    checkLimit('encode', 'bytes', bytes.length, this.#limits.maxBytes)
    if (!isLast) this.number('length', bytes.length)
    this.#push(bytes)
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
