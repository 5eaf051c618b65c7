import { checkTensor } from '../check-encoding.ts'
import type { FeatureCodec } from '../codec.ts'
import { frequencyTables } from '../entropy/frequency-tables.ts'
import { truncated } from '../entropy/rans.ts'
import { coefficientModels, dequantise, kltModelTables } from './coefficients.ts'
import { decodeCodes, encodeCodes, largestCode } from './klt-codes.ts'
import { type KltParameters, kltLevels, kltSymbols } from './klt-parameters.ts'
import { forwardTransform, inverseTransform } from './tile-transform.ts'
import { trellisCodes } from './trellis.ts'

const stampBytes = 4

/**
 * Transform coding of a feature map: values weighted by what their place does to the answer, Karhunen-Loeve transforms
 * of the channels and of the places, all learned in calibration (Goyal, "Theoretical foundations of transform
 * coding", IEEE SPM 2001), dependent quantisation (`trellis.ts`), static models. Name: `klt:<level>`, -16 to 63; a level
 * is a quarter octave finer than the one before.
 *
 * | bytes | field, little endian |
 * |---|---|
 * | 4 | hash of parameters and level |
 * | .. | codes of the coefficients, see `klt-codes.ts`; those of expected magnitude below 1/32 step are not sent |
 */
export function kltCodec(parameters: KltParameters, level: number): FeatureCodec {
  const { coarsest, finest } = kltLevels
  if (!Number.isInteger(level) || level < coarsest || level > finest) {
    throw new RangeError(
      `Cannot make codec klt: level must be ${coarsest} to ${finest}, current value is ${level}`,
    )
  }
  const name = `klt:${level}`
  const { channels, height, width } = parameters
  const stamp = (parameters.hash ^ Math.imul(level + 1, 0x9e37_79b1)) >>> 0
  const models = coefficientModels(parameters, level)
  const { sent, steps } = models
  const tables = frequencyTables(kltModelTables(parameters), kltSymbols)

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
    expectedBytes: () => stampBytes + 11 + Math.ceil((sent.length * 1.5) / 8),

    encode(tensor) {
      checkTensor(name, tensor)
      requireShape('encode', tensor.shape)
      const coefficients = forwardTransform(parameters, tensor.data)
      const inSteps = new Float64Array(sent.length)
      for (let i = 0; i < inSteps.length; i++) {
        const value = coefficients[sent[i]!]! / steps[i]!
        // One step less: the trellis may take a code beside the nearest.
        if (!(Math.abs(value) < largestCode - 1)) {
          throw new RangeError(
            `Cannot encode ${name}: values must be finite and near the calibrated ones, current coefficient is ${value} steps`,
          )
        }
        inSteps[i] = value
      }
      const coded = encodeCodes(trellisCodes(inSteps), models, tables)
      const bytes = new Uint8Array(stampBytes + coded.length)
      new DataView(bytes.buffer).setUint32(0, stamp, true)
      bytes.set(coded, stampBytes)
      return bytes
    },

    decode(bytes, shape) {
      requireShape('decode', shape)
      if (bytes.length < stampBytes) throw truncated()
      if (new DataView(bytes.buffer, bytes.byteOffset, stampBytes).getUint32(0, true) !== stamp) {
        throw new RangeError(
          `Cannot decode ${name}: calibration must be the sender's, current one has another hash; both ends need the same calibration.json`,
        )
      }
      const codes = decodeCodes(bytes.subarray(stampBytes), models, tables)
      return { shape, data: inverseTransform(parameters, dequantise(codes, models)) }
    },
  }
}
