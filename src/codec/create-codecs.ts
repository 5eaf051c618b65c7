import type { Calibration } from './calibration-file.ts'
import type { FeatureCodec } from './codec.ts'
import { exactCodec } from './exact.ts'
import { featureCodec } from './feature-codecs.ts'
import { kltCodec } from './klt/klt-codec.ts'
import type { KltParameters } from './klt/klt-parameters.ts'
import { unpackKlt } from './klt/pack-klt.ts'
import { withInfinities } from './with-infinities.ts'

/** Where answers are encoded: their readers go by the codec's name alone. */
const answerWound = 'local'

/** The codec called `name` for the crossing tensor called `tensor` of the wound `wound`. @throws {RangeError} for an unknown name, or one that was not calibrated there. */
export type Codecs = (name: string, wound: string, tensor: string) => FeatureCodec

/**
 * Codecs of a model: stateless ones by name, and `klt:<level>` from the parameters of its calibration. Both ends need
 * the same calibration; a klt tensor carries their hash, so another one is refused. Codecs are made once.
 * @param exactTensors Names of tensors that no codec may change: they cross without loss, whatever is asked for.
 */
export function createCodecs(
  calibration: Calibration | undefined,
  exactTensors: ReadonlySet<string> = new Set(),
): Codecs {
  const made = new Map<string, FeatureCodec>()
  const parameters = new Map<string, KltParameters>()

  function parametersOf(name: string, wound: string, tensor: string): KltParameters {
    const key = JSON.stringify([wound, tensor])
    const known = parameters.get(key)
    if (known !== undefined) return known
    const entry = calibration?.transforms.find(
      (transform) => transform.wound === wound && transform.tensor === tensor,
    )
    if (entry === undefined) {
      throw new RangeError(
        `Cannot find codec ${name}: tensor ${tensor} of wound ${wound} must be calibrated; run surgeon calibrate or choose another codec`,
      )
    }
    const { channels, height, width, tileHeight, tileWidth, kept, data } = entry
    const shape = { channels, height, width, tileHeight, tileWidth, kept }
    const unpacked = unpackKlt(shape, Buffer.from(data, 'base64'))
    parameters.set(key, unpacked)
    return unpacked
  }

  return (name, wound, tensor) => {
    if (exactTensors.has(tensor) && wound !== answerWound) return exactCodec
    const match = /^klt:(-?\d{1,2})(\/fast)?$/.exec(name)
    if (match === null) return featureCodec(name)
    const key = JSON.stringify([name, wound, tensor])
    const known = made.get(key)
    if (known !== undefined) return known
    const effort = match[2] === undefined ? 'trellis' : 'fast'
    const codec = withInfinities(kltCodec(parametersOf(name, wound, tensor), Number(match[1]), effort))
    made.set(key, codec)
    return codec
  }
}
