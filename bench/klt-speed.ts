import { scriptKernels } from '../src/codec/kernels/script-kernels.ts'
import type { Effort } from '../src/codec/klt/coefficients.ts'
import { kltCodec } from '../src/codec/klt/klt-codec.ts'
import type { KltParameters } from '../src/codec/klt/klt-parameters.ts'
import { coderBy } from '../src/codec/klt/map-coder.ts'
import { unpackKlt } from '../src/codec/klt/pack-klt.ts'
import { inverseTransform, tileCount } from '../src/codec/klt/tile-transform.ts'
import { modelCalibration } from '../src/codec/model-codecs.ts'
import { loadModel } from '../src/model-graph/load-model.ts'
import { type CodecSpeed, lowestMs } from './codec-speed.ts'
import { manyChannels } from './many-channels.ts'

const level = 8

/**
 * The lowest times of `klt` for a map of the calibrated spectrum at each calibrated wound, in one thread; in turns with them those
 * of the same codec by the kernels in JavaScript.
 */
export async function kltSpeed(source: string): Promise<CodecSpeed[]> {
  const { hash } = await loadModel(source)
  const calibration = await modelCalibration(source, hash)
  return (calibration?.transforms ?? []).flatMap(({ wound, data, ...shape }) => {
    const parameters = unpackKlt(shape, Buffer.from(data, 'base64'))
    return (['trellis', 'fast'] as const).flatMap((effort) => coderSpeed(wound, parameters, effort))
  })
}

/** The same for many channels, by the usual kernels alone: those in JavaScript take seconds. */
export function manyChannelsSpeed(): CodecSpeed[] {
  const parameters = manyChannels()
  const tensor = tensorOf(parameters)
  return [-4, 0].map((coarse) => {
    const codec = kltCodec(parameters, coarse)
    const bytes = codec.encode(tensor)
    const [encodeMs, decodeMs] = lowestMs([
      () => codec.encode(tensor),
      () => codec.decode(bytes, tensor.shape),
    ])
    return { codec: codec.name, shape: dimensions(parameters), bytes: bytes.length, encodeMs, decodeMs }
  })
}

function coderSpeed(wound: string, parameters: KltParameters, effort: Effort): CodecSpeed[] {
  const tensor = tensorOf(parameters)
  const codec = kltCodec(parameters, level, effort)
  const script = kltCodec(parameters, level, effort, coderBy(scriptKernels, parameters))
  const bytes = codec.encode(tensor)
  const times = lowestMs([
    () => codec.encode(tensor),
    () => codec.decode(bytes, tensor.shape),
    () => script.encode(tensor),
    () => script.decode(bytes, tensor.shape),
  ])
  const row = { shape: dimensions(parameters), bytes: bytes.length }
  const name = `${codec.name} after ${wound}`
  return [
    { codec: name, ...row, encodeMs: times[0], decodeMs: times[1] },
    { codec: `${name}, JavaScript`, ...row, encodeMs: times[2], decodeMs: times[3] },
  ]
}

function tensorOf(parameters: KltParameters) {
  const { channels, height, width } = parameters
  return { shape: [1, channels, height, width], data: typicalMap(parameters) }
}

function dimensions({ channels, height, width }: KltParameters): string {
  return `${height}x${width}x${channels}`
}

/** Coefficients of the calibrated mean magnitudes, with two-sided exponential distributions, made a map. */
function typicalMap(parameters: KltParameters): Float32Array<ArrayBuffer> {
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
