import { createCodecs } from '../src/codec/create-codecs.ts'
import { unpackKlt } from '../src/codec/klt/pack-klt.ts'
import { inverseTransform, tileCount } from '../src/codec/klt/tile-transform.ts'
import { modelCalibration } from '../src/codec/model-codecs.ts'
import { loadModel } from '../src/model-graph/load-model.ts'
import { type CodecSpeed, lowestMs } from './codec-speed.ts'

const level = 8

/** The lowest times of `klt` for a map of the calibrated spectrum at each calibrated wound, in one thread. */
export async function kltSpeed(source: string): Promise<CodecSpeed[]> {
  const { hash } = await loadModel(source)
  const calibration = await modelCalibration(source, hash)
  if (calibration === undefined) return []
  const codecs = createCodecs(calibration)
  return calibration.transforms.flatMap((entry) => {
    const { channels, height, width } = entry
    const shape = [1, channels, height, width]
    const data = typicalMap(entry)
    return [`klt:${level}`, `klt:${level}/fast`].map((name) => {
      const codec = codecs(name, entry.wound, entry.tensor)
      const bytes = codec.encode({ shape, data })
      const [encodeMs, decodeMs] = lowestMs(
        () => codec.encode({ shape, data }),
        () => codec.decode(bytes, shape),
      )
      const dims = `${height}x${width}x${channels}`
      return { codec: `${name} after ${entry.wound}`, shape: dims, bytes: bytes.length, encodeMs, decodeMs }
    })
  })
}

type Transform = NonNullable<Awaited<ReturnType<typeof modelCalibration>>>['transforms'][number]

/** Coefficients of the calibrated mean magnitudes, with two-sided exponential distributions, made a map. */
function typicalMap({ data, ...shape }: Transform): Float32Array<ArrayBuffer> {
  const parameters = unpackKlt(shape, Buffer.from(data, 'base64'))
  const { scale, reference } = parameters
  let state = 1
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return (state + 1) / 0x8000_0001
  }
  const coefficients = new Float32Array(scale.length * tileCount(parameters))
  for (let i = 0; i < coefficients.length; i++) {
    const magnitude = reference * 2 ** (scale[i % scale.length]! / 8)
    coefficients[i] = -magnitude * Math.log(random()) * (random() < 0.5 ? -1 : 1)
  }
  return inverseTransform(parameters, coefficients)
}
