/** The lowest `bits` bits of each value, one after the other, the first in the lowest bits of the first byte. */
export function packBits(values: Uint8Array, bits: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(Math.ceil((values.length * bits) / 8))
  const mask = (1 << bits) - 1
  let at = 0
  let held = 0
  let buffer = 0
  for (let i = 0; i < values.length; i++) {
    buffer |= (values[i]! & mask) << held
    held += bits
    if (held >= 8) {
      out[at++] = buffer
      buffer >>>= 8
      held -= 8
    }
  }
  if (held > 0) out[at] = buffer
  return out
}

/** Adds the packed bits to values whose lowest `bits` bits are 0. `packed` is as long as {@link packBits} made it. */
export function unpackBits(packed: Uint8Array, bits: number, values: Uint8Array): void {
  const mask = (1 << bits) - 1
  let at = 0
  let held = 0
  let buffer = 0
  for (let i = 0; i < values.length; i++) {
    if (held < bits) {
      buffer |= packed[at++]! << held
      held += 8
    }
    values[i] = values[i]! | (buffer & mask)
    buffer >>>= bits
    held -= bits
  }
}
