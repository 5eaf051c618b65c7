import { checkTensor } from '../check-encoding.ts'
import type { FeatureCodec } from '../codec.ts'
import { truncated } from '../entropy/rans.ts'
import { coefficientModels, type Effort } from './coefficients.ts'
import type { PlacedModels } from './klt-codes.ts'
import { type KltParameters, kltLevels } from './klt-parameters.ts'
import { type MapCoder, sharedCoder } from './map-coder.ts'
import { coefficientPlace, reachOf } from './map-transform.ts'

const stampBytes = 4
/**
 * Coefficients of weaker models (a mean magnitude below 1/16 step, below 1/8 where each is rounded by itself) are 0 to the encoder
 * where that spares it their products: one in hundreds would have another code, and its bytes were worth as much (docs/codec.md).
 */
const leastComputed = { trellis: 4, fast: 8 } as const

/**
 * Transform coding of a feature map: values weighted by what their place does to the answer, Karhunen-Loeve transforms
 * of the channels and of the places, all learned in calibration (Goyal, "Theoretical foundations of transform
 * coding", IEEE SPM 2001), dependent quantisation (`trellis.ts`), static models. Name: `klt:<level>`, -16 to 63; a level
 * is a quarter octave finer than the one before. `klt:<level>/fast` rounds each coefficient by itself instead: less
 * work for the encoder, more bytes.
 *
 * | bytes | field, little endian |
 * |---|---|
 * | 4 | hash of parameters and level |
 * | .. | codes of the coefficients, see `klt-codes.ts`; those of expected magnitude below 1/32 step are not sent |
 */
export function kltCodec(
  parameters: KltParameters,
  level: number,
  effort: Effort = 'trellis',
  coder: MapCoder = sharedCoder(parameters),
): FeatureCodec {
  const { coarsest, finest } = kltLevels
  if (!Number.isInteger(level) || level < coarsest || level > finest) {
    throw new RangeError(
      `Cannot make codec klt: level must be ${coarsest} to ${finest}, current value is ${level}`,
    )
  }
  const name = effort === 'fast' ? `klt:${level}/fast` : `klt:${level}`
  const { channels, height, width } = parameters
  const variant = effort === 'fast' ? level + 0x100 : level
  const stamp = (parameters.hash ^ Math.imul(variant + 1, 0x9e37_79b1)) >>> 0
  const models = coefficientModels(parameters, level, effort)
  const { components } = models
  const places = models.sent.map((index) => coefficientPlace(parameters, index))
  const reach = reachOf(
    parameters,
    places.filter((_, i) => models.contexts[i]! >= leastComputed[effort]),
  )
  const placed: PlacedModels = { ...models, places: places.map((place) => 4 * place) }

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
    expectedBytes: () => stampBytes + 11 + Math.ceil((models.sent.length * 1.5) / 8),

    encode(tensor) {
      checkTensor(name, tensor)
      requireShape('encode', tensor.shape)
      const bytes = coder.write(coder.transform.forward(tensor.data, reach), placed, stampBytes)
      new DataView(bytes.buffer).setUint32(0, stamp, true)
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
      const coefficients = coder.read(bytes.subarray(stampBytes), placed)
      return { shape, data: coder.transform.inverse(coefficients, components) }
    },
  }
}
