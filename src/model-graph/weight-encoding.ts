/** How one weight lies in a shard of a TensorFlow.js model. */
export interface WeightEncoding {
  /** What is stored. */
  readonly stored: 'float32' | 'float16' | 'uint8' | 'uint16' | 'int32'
  /** value = stored * scale + min; 1 and 0 where nothing is quantised. */
  readonly scale: number
  readonly min: number
  /** Truth values. */
  readonly isBool?: boolean
}

const bytesOf = { float32: 4, float16: 2, uint8: 1, uint16: 2, int32: 4 } as const

export function bytesPerValue(encoding: WeightEncoding): number {
  return bytesOf[encoding.stored]
}

/** Values of all 65,536 float16 patterns: 256 KiB, made once, and far faster than decoding bits one by one. */
let halfValues: Float32Array | undefined

function halfTable(): Float32Array {
  if (halfValues !== undefined) return halfValues
  const table = new Float32Array(65_536)
  for (let bits = 0; bits < 65_536; bits += 1) {
    const sign = bits & 0x8000 ? -1 : 1
    const exponent = (bits >> 10) & 0x1f
    const fraction = bits & 0x3ff
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -24
    else if (exponent === 31) table[bits] = fraction === 0 ? sign * Infinity : Number.NaN
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
  }
  halfValues = table
  return table
}

/**
 * Decodes little-endian stored values to float32.
 * @param bytes Exactly the weight's bytes.
 */
export function decodeWeight(
  bytes: Uint8Array<ArrayBuffer>,
  encoding: WeightEncoding,
): Float32Array<ArrayBuffer> {
  const { stored, scale, min } = encoding
  const count = bytes.byteLength / bytesOf[stored]
  // Typed arrays need an aligned start.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
  const { buffer, byteOffset } = aligned
  switch (stored) {
    case 'float32':
      return new Float32Array(buffer, byteOffset, count)
    case 'float16': {
      const codes = new Uint16Array(buffer, byteOffset, count)
      const table = halfTable()
      const values = new Float32Array(count)
      for (let i = 0; i < count; i += 1) values[i] = table[codes[i]!]!
      return values
    }
    case 'int32':
      return Float32Array.from(new Int32Array(buffer, byteOffset, count))
    case 'uint8':
    case 'uint16': {
      const codes = stored === 'uint8' ? aligned : new Uint16Array(buffer, byteOffset, count)
      const values = new Float32Array(count)
      for (let i = 0; i < count; i += 1) values[i] = codes[i]! * scale + min
      return values
    }
  }
}
