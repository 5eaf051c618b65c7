import { truncated } from './rans.ts'

/** Bits as they are, the first in the lowest place of the first byte. */
export class BitWriter {
  private bytes = new Uint8Array(64)
  private used = 0

  write(value: number, bits: number): void {
    if ((this.used + bits) >> 3 >= this.bytes.length - 1) {
      const wider = new Uint8Array(2 * this.bytes.length)
      wider.set(this.bytes)
      this.bytes = wider
    }
    for (let i = 0; i < bits; i++, this.used++) {
      this.bytes[this.used >> 3]! |= ((value >> i) & 1) << (this.used & 7)
    }
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, (this.used + 7) >> 3)
  }
}

/** Reads what a {@link BitWriter} wrote. */
export class BitReader {
  private readonly bytes: Uint8Array
  private used = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** @throws {RangeError} beyond the end. */
  read(bits: number): number {
    if (!this.has(bits)) throw truncated()
    let value = 0
    for (let i = 0; i < bits; i++, this.used++) {
      value |= ((this.bytes[this.used >> 3]! >> (this.used & 7)) & 1) << i
    }
    return value
  }

  has(bits: number): boolean {
    return this.used + bits <= 8 * this.bytes.length
  }

  /** Whether less than a byte is left. */
  get ended(): boolean {
    return (this.used + 7) >> 3 === this.bytes.length
  }
}
