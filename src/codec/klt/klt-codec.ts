import { checkTensor } from '../check-encoding.ts'
import type { FeatureCodec } from '../codec.ts'
import { BitReader, BitWriter } from '../entropy/bit-writer.ts'
import { frequencyTables } from '../entropy/frequency-tables.ts'
import { damaged, ransDecode, ransEncode, truncated } from '../entropy/rans.ts'
import { coefficientModels, kltModelTables, quantiseCoefficient } from './coefficients.ts'
import { type KltParameters, kltCentroids, kltLevels, kltSymbols } from './klt-parameters.ts'
import { forwardTransform, inverseTransform } from './tile-transform.ts'

const headerBytes = 7
const escapeBits = 16
const largestCode = 2 ** (escapeBits - 1) - 1

/**
 * Transform coding of a feature map: Karhunen-Loeve transforms of the channels and of the places, learned in
 * calibration, uniform steps with a dead zone, static models (Goyal, "Theoretical foundations of transform coding",
 * IEEE SPM 2001). Name: `klt:<level>`, 0 to 63; a level is a quarter octave finer than the one before.
 *
 * | bytes | field, little endian |
 * |---|---|
 * | 4 | hash of parameters and level |
 * | 3 | length of the raw bits |
 * | .. | symbols of the coefficients, see `rans.ts`; those whose expected magnitude is below 1/32 step are not sent |
 * | .. | raw bits: lower bits of large coefficients, and 16 bits for each escape |
 */
export function kltCodec(parameters: KltParameters, level: number): FeatureCodec {
  if (!Number.isInteger(level) || level < 0 || level >= kltLevels) {
    throw new RangeError(
      `Cannot make codec klt: level must be 0 to ${kltLevels - 1}, current value is ${level}`,
    )
  }
  const name = `klt:${level}`
  const { channels, height, width } = parameters
  const stamp = (parameters.hash ^ Math.imul(level + 1, 0x9e37_79b1)) >>> 0
  const models = coefficientModels(parameters, level)
  const { sent, contexts, shifts, steps } = models
  const tables = frequencyTables(kltModelTables(parameters), kltSymbols)
  const values = reconstructions(parameters)

  function requireShape(verb: string, shape: readonly number[]): void {
    if (shape.join() !== [1, channels, height, width].join()) {
      throw new RangeError(
        `Cannot ${verb} ${name}: shape must be the calibrated [1, ${channels}, ${height}, ${width}], current value is [${shape.join(', ')}]`,
      )
    }
  }

  return {
    name,

    // About 1.5 bits a sent coefficient; calibration knows better.
    expectedBytes: () => headerBytes + 8 + Math.ceil((sent.length * 1.5) / 8),

    encode(tensor) {
      checkTensor(name, tensor)
      requireShape('encode', tensor.shape)
      const coefficients = forwardTransform(parameters, tensor.data)
      const count = sent.length
      const coded = new Uint32Array(count)
      const raw = new BitWriter()
      for (let i = 0; i < count; i++) {
        const code = quantiseCoefficient(coefficients[sent[i]!]! / steps[i]!)
        if (!(Math.abs(code) <= largestCode)) {
          throw new RangeError(
            `Cannot encode ${name}: values must be finite and near the calibrated ones, current code is ${code}`,
          )
        }
        const shift = shifts[i]!
        const upper = code >> shift
        const symbol = upper < -15 || upper > 15 ? 0 : upper + 16
        coded[i] = tables.entries[contexts[i]! * kltSymbols + symbol]!
        if (symbol === 0) raw.write(code & 0xffff, escapeBits)
        else if (shift > 0) raw.write(code & ((1 << shift) - 1), shift)
      }
      const stream = ransEncode(coded)
      const rest = raw.finish()
      const bytes = new Uint8Array(headerBytes + stream.length + rest.length)
      const view = new DataView(bytes.buffer)
      view.setUint32(0, stamp, true)
      view.setUint16(4, rest.length & 0xffff, true)
      bytes[6] = rest.length >> 16
      bytes.set(stream, headerBytes)
      bytes.set(rest, headerBytes + stream.length)
      return bytes
    },

    decode(bytes, shape) {
      requireShape('decode', shape)
      if (bytes.length < headerBytes) throw truncated()
      const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes)
      if (view.getUint32(0, true) !== stamp) {
        throw new RangeError(
          `Cannot decode ${name}: calibration must be the sender's, current one has another hash; both ends need the same calibration.json`,
        )
      }
      const rawFrom = bytes.length - (view.getUint16(4, true) | (bytes[6]! << 16))
      if (rawFrom < headerBytes) throw truncated()
      const symbols = ransDecode(bytes.subarray(headerBytes, rawFrom), contexts, tables)
      const raw = new BitReader(bytes.subarray(rawFrom))
      const coefficients = new Float32Array(models.coefficients)
      for (let i = 0; i < symbols.length; i++) {
        const symbol = symbols[i]!
        const shift = shifts[i]!
        if (symbol === 0) coefficients[sent[i]!] = ((raw.read(escapeBits) << 16) >> 16) * steps[i]!
        else if (shift > 0) coefficients[sent[i]!] = (((symbol - 16) << shift) | raw.read(shift)) * steps[i]!
        else coefficients[sent[i]!] = values[contexts[i]! * kltSymbols + symbol]! * steps[i]!
      }
      if (!raw.ended) throw damaged()
      return { shape, data: inverseTransform(parameters, coefficients) }
    },
  }
}

/** Value in steps of each symbol of each model without shift: the centroid of what was rounded to it. */
function reconstructions({ centroids }: KltParameters): Float32Array<ArrayBuffer> {
  const values = new Float32Array((centroids.length / kltCentroids) * kltSymbols)
  for (let i = 0; i < values.length; i++) {
    const code = (i % kltSymbols) - 16
    if (code === 0) continue
    const model = Math.floor(i / kltSymbols)
    const centroid = centroids[model * kltCentroids + Math.min(kltCentroids, Math.abs(code)) - 1]! / 128
    values[i] = code + Math.sign(code) * centroid
  }
  return values
}
