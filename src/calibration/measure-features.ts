import { probabilities } from '../answer/probabilities.ts'
import { ahead } from '../async/ahead.ts'
import type { Calibration, CalibrationRow } from '../codec/calibration-file.ts'
import type { FeatureCodec } from '../codec/codec.ts'
import { featureCodec } from '../codec/feature-codecs.ts'
import type { Effort } from '../codec/klt/coefficients.ts'
import { kltCodec } from '../codec/klt/klt-codec.ts'
import type { KltParameters } from '../codec/klt/klt-parameters.ts'
import { packKlt, unpackKlt } from '../codec/klt/pack-klt.ts'
import type { Executable } from '../executor/engine.ts'
import { borderShape } from '../model-graph/layer-graph.ts'
import type { Model } from '../model-graph/model.ts'
import type { Wound } from '../model-graph/wound.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { answered } from './answered.ts'
import { balanceTensors } from './balance-tensors.ts'
import { calibratable } from './calibratable.ts'
import type { CalibrationImage } from './calibration-image.ts'
import type { CodecChoice } from './codec-choice.ts'
import { codecTimes, spread } from './codec-times.ts'
import { fitKlt } from './fit-klt.ts'
import { mostKltChannels } from './fit-transform.ts'
import type { Disturbed } from './fit-weights.ts'
import type { Journal } from './journal.ts'
import { klDivergence } from './output-distance.ts'
import { RowStatistics } from './row-statistics.ts'
import { type RunAll, runTogether } from './run-together.ts'

/** Learned while another is: one thinks while the tail is at work for the other. */
const fitsAhead = 1

type Transform = Calibration['transforms'][number]

export interface MeasureFeatures {
  readonly model: Model
  readonly wound: Wound
  readonly head: RunAll
  readonly tail: Executable
  readonly images: readonly CalibrationImage[]
  /** Of each image, as the model sees it. */
  readonly pixels: readonly Uint8Array[]
  /** The model's input of pixels. */
  readonly request: (pixels: Uint8Array) => { readonly request: readonly TensorValue[] }
  /** Class probabilities of the whole model, per image. */
  readonly truths: readonly Float32Array[]
  readonly codecs: CodecChoice
  readonly journal: Journal
  readonly progress: (text: string) => void
}

/** Rows of one wound's codecs, and its transforms learned from all images. All maps of the wound are held at once. */
export async function measureFeatures(
  options: MeasureFeatures,
): Promise<{ rows: CalibrationRow[]; transforms: Transform[] }> {
  const { model, wound, head, tail, images, pixels, request, codecs, progress } = options
  const maps: (readonly TensorValue[])[] = []
  for await (const { outputs } of answered(pixels, request, head)) {
    if (maps.length % 50 === 0) progress(`${wound.id}: maps ${maps.length}/${images.length}`)
    maps.push(outputs)
  }
  const measured: Measured = { ...options, maps, run: await runTogether(tail, maps) }
  const rows: CalibrationRow[] = []
  for (const name of codecs.features) {
    rows.push(await measureRow(measured, name, () => wound.tensors.map(() => featureCodec(name))))
  }
  const shapes = wound.tensors.map((id) => borderShape(model.graph.tensors[id]!))
  if (codecs.levels.length === 0 || !shapes.every(isMap)) return { rows, transforms: [] }

  const foldOfImage = images.map(({ name }) => foldOf(name))
  const fits = ahead([...Array(foldCount).keys(), 'all' as const], fitsAhead, (fold) =>
    fold === 'all'
      ? fitTensors(measured, 'all', () => true)
      : fitTensors(measured, `without fold ${fold}`, (i) => foldOfImage[i] !== fold),
  )
  const fitted: KltParameters[][] = []
  for await (const fit of fits) fitted.push(fit)
  const [folds, all] = [fitted.slice(0, foldCount), fitted[foldCount]!]
  for (const level of codecs.levels) {
    for (const effort of effortsAt(level)) {
      const byFold = folds.map((fold) => fold.map((parameters) => kltCodec(parameters, level, effort)))
      rows.push(await measureRow(measured, byFold[0]![0]!.name, (i) => byFold[foldOfImage[i]!]!))
    }
  }
  const transforms = all.map((parameters, t) =>
    transformOf(wound.id, model.graph.tensors[wound.tensors[t]!]!.name, parameters),
  )
  return { rows, transforms }
}

/** Of what is rounded fast every other level tells enough. */
function effortsAt(level: number): readonly Effort[] {
  return level % 2 === 0 ? ['trellis', 'fast'] : ['trellis']
}

interface Measured extends MeasureFeatures {
  /** Of each image, the crossing tensors. */
  readonly maps: readonly (readonly TensorValue[])[]
  /** The tail. */
  readonly run: RunAll
}

async function measureRow(
  { model, wound, images, truths, journal, progress, maps, run }: Measured,
  name: string,
  codecsOf: (image: number) => readonly FeatureCodec[],
): Promise<CalibrationRow> {
  const row = await journal.once(`${wound.id} ${name}`, async () => {
    const statistics = new RowStatistics()
    const { kind } = calibratable(model.manifest).output
    const send = (values: readonly TensorValue[], i: number) => {
      const parts = encodeAll(codecsOf(i), values)
      const bytes = parts.reduce((sum, part) => sum + part.length, 0)
      return { bytes, request: decodeAll(codecsOf(i), parts, values) }
    }
    let at = 0
    for await (const { made, outputs } of answered(maps, send, run)) {
      statistics.add(truths[at]!, probabilities(outputs[0]!.data, kind), made.bytes, images[at]!.label)
      at++
    }
    const samples = spread([...maps.keys()]).map((i) => ({
      encode: () => encodeAll(codecsOf(i), maps[i]!),
      decode: (parts: readonly Uint8Array[]) => decodeAll(codecsOf(i), parts, maps[i]!),
    }))
    return statistics.row(wound.id, name, await codecTimes(samples))
  })
  progress(`${wound.id} ${name}: ${Math.round(row.bytesMean)} B, agreement ${row.agreement}`)
  return row
}

function encodeAll(codecs: readonly FeatureCodec[], values: readonly TensorValue[]): Uint8Array[] {
  return values.map((value, t) => codecs[t]!.encode(value))
}

function decodeAll(
  codecs: readonly FeatureCodec[],
  parts: readonly Uint8Array[],
  values: readonly TensorValue[],
): TensorValue[] {
  return parts.map((bytes, t) => codecs[t]!.decode(bytes, values[t]!.shape))
}

/** Parameters of each crossing tensor from the images that are chosen. */
async function fitTensors(
  { model, wound, truths, journal, progress, maps, run }: Measured,
  label: string,
  chosen: (image: number) => boolean,
): Promise<KltParameters[]> {
  const indices = [...maps.keys()].filter(chosen)
  const disturb = async (t: number, disturbed: readonly Disturbed[]) => {
    const requests = disturbed.map(({ index, noise }) =>
      maps[indices[index]!]!.map((value, other) => (other === t ? added(value, noise) : value)),
    )
    const { kind } = calibratable(model.manifest).output
    const moved = (await run(requests)).map(([answer]) => probabilities(answer!.data, kind))
    return disturbed.reduce((sum, { index }, i) => sum + klDivergence(truths[indices[index]!]!, moved[i]!), 0)
  }
  const crossing = wound.tensors.map((id, t) => ({
    channels: borderShape(model.graph.tensors[id]!)[0]!,
    maps: indices.map((i) => maps[i]![t]!.data),
  }))
  const balance = await journal.once(`${wound.id} balance ${label}`, () => balanceTensors(crossing, disturb))
  const fitted: KltParameters[] = []
  for (const [t, id] of wound.tensors.entries()) {
    const tensor = model.graph.tensors[id]!
    progress(`${wound.id}: learning the transform of ${tensor.name} (${label})`)
    const stored = await journal.once(`${wound.id} transform ${t} ${label}`, async () => {
      const shape = borderShape(tensor) as [number, number, number]
      const own = crossing[t]!.maps
      const learned = await fitKlt(shape, own, (disturbed) => disturb(t, disturbed), balance[t])
      return transformOf(wound.id, tensor.name, learned)
    })
    const { wound: _wound, tensor: _tensor, data, ...shape } = stored
    fitted.push(unpackKlt(shape, Buffer.from(data, 'base64')))
  }
  return fitted
}

function transformOf(wound: string, tensor: string, parameters: KltParameters): Transform {
  const { channels, height, width, tileHeight, tileWidth, kept } = parameters
  const data = Buffer.from(packKlt(parameters)).toString('base64')
  return { wound, tensor, channels, height, width, tileHeight, tileWidth, kept, data }
}

function added({ shape, data }: TensorValue, noise: Float32Array<ArrayBuffer>): TensorValue {
  for (let i = 0; i < noise.length; i++) noise[i] = noise[i]! + data[i]!
  return { shape, data: noise }
}

function isMap(shape: readonly number[]): boolean {
  return shape.length === 3 && shape[1]! * shape[2]! > 1 && shape[0]! <= mostKltChannels
}

/** The more, the nearer are the measured transforms, each learned without one fold, to the one that is kept. */
const foldCount = 4

/** 0 to 3 by the name alone (FNV-1a), so that neither order nor number of the images moves one to another fold. */
function foldOf(name: string): number {
  let hash = 0x811c_9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x0100_0193)
  return (hash >>> 15) % foldCount
}
