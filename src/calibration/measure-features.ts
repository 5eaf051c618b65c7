import { probabilities } from '../answer/probabilities.ts'
import type { Calibration, CalibrationRow } from '../codec/calibration-file.ts'
import type { FeatureCodec } from '../codec/codec.ts'
import { featureCodec } from '../codec/feature-codecs.ts'
import { decodeImage } from '../codec/image-input.ts'
import type { Effort } from '../codec/klt/coefficients.ts'
import { kltCodec } from '../codec/klt/klt-codec.ts'
import type { KltParameters } from '../codec/klt/klt-parameters.ts'
import { packKlt, unpackKlt } from '../codec/klt/pack-klt.ts'
import type { Executable } from '../executor/engine.ts'
import { borderShape } from '../model-graph/layer-graph.ts'
import type { Model } from '../model-graph/model.ts'
import type { Wound } from '../model-graph/wound.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { balanceTensors } from './balance-tensors.ts'
import { calibratable } from './calibratable.ts'
import type { CalibrationImage } from './calibration-image.ts'
import type { CodecChoice } from './codec-choice.ts'
import { fitKlt } from './fit-klt.ts'
import { mostKltChannels } from './fit-transform.ts'
import type { Journal } from './journal.ts'
import { klDivergence } from './output-distance.ts'
import { RowStatistics } from './row-statistics.ts'

type Transform = Calibration['transforms'][number]

export interface MeasureFeatures {
  readonly model: Model
  readonly wound: Wound
  readonly head: Executable
  readonly tail: Executable
  readonly images: readonly CalibrationImage[]
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
  const { model, wound, head, images, codecs, progress } = options
  const maps: TensorValue[][] = []
  for (const [i, image] of images.entries()) {
    if (i % 50 === 0) progress(`${wound.id}: maps ${i}/${images.length}`)
    maps.push(await head.run([await decodeImage(await image.read(), calibratable(model.manifest).input)]))
  }
  const rows: CalibrationRow[] = []
  for (const name of codecs.features) {
    rows.push(await measureRow(options, maps, name, () => wound.tensors.map(() => featureCodec(name))))
  }
  const shapes = wound.tensors.map((id) => borderShape(model.graph.tensors[id]!))
  if (codecs.levels.length === 0 || !shapes.every(isMap)) return { rows, transforms: [] }

  const foldOfImage = images.map(({ name }) => foldOf(name))
  const folds: KltParameters[][] = []
  for (let fold = 0; fold < foldCount; fold++)
    folds.push(await fitTensors(options, maps, `without fold ${fold}`, (i) => foldOfImage[i] !== fold))
  for (const level of codecs.levels) {
    for (const effort of effortsAt(level)) {
      const byFold = folds.map((fold) => fold.map((parameters) => kltCodec(parameters, level, effort)))
      rows.push(await measureRow(options, maps, byFold[0]![0]!.name, (i) => byFold[foldOfImage[i]!]!))
    }
  }
  const all = await fitTensors(options, maps, 'all', () => true)
  const transforms = all.map((parameters, t) =>
    transformOf(wound.id, model.graph.tensors[wound.tensors[t]!]!.name, parameters),
  )
  return { rows, transforms }
}

/** Of what is rounded fast every other level tells enough. */
function effortsAt(level: number): readonly Effort[] {
  return level % 2 === 0 ? ['trellis', 'fast'] : ['trellis']
}

async function measureRow(
  { model, wound, tail, images, truths, journal, progress }: MeasureFeatures,
  maps: readonly (readonly TensorValue[])[],
  name: string,
  codecsOf: (image: number) => readonly FeatureCodec[],
): Promise<CalibrationRow> {
  const row = await journal.once(`${wound.id} ${name}`, async () => {
    const statistics = new RowStatistics()
    for (const [i, image] of images.entries()) {
      const codecs = codecsOf(i)
      const beginMs = performance.now()
      const encoded = maps[i]!.map((value, t) => codecs[t]!.encode(value))
      const encodedMs = performance.now()
      const decoded = encoded.map((bytes, t) => codecs[t]!.decode(bytes, maps[i]![t]!.shape))
      const decodedMs = performance.now()
      const [answer] = await tail.run(decoded)
      const bytes = encoded.reduce((sum, part) => sum + part.length, 0)
      const cost = { bytes, encodeMs: encodedMs - beginMs, decodeMs: decodedMs - encodedMs }
      statistics.add(
        truths[i]!,
        probabilities(answer!.data, calibratable(model.manifest).output.kind),
        cost,
        image.label,
      )
    }
    return statistics.row(wound.id, name)
  })
  progress(`${wound.id} ${name}: ${Math.round(row.bytesMean)} B, agreement ${row.agreement}`)
  return row
}

/** Parameters of each crossing tensor from the images that are chosen. */
async function fitTensors(
  { model, wound, tail, truths, journal, progress }: MeasureFeatures,
  maps: readonly (readonly TensorValue[])[],
  label: string,
  chosen: (image: number) => boolean,
): Promise<KltParameters[]> {
  const indices = [...maps.keys()].filter(chosen)
  const disturb = async (t: number, m: number, noise: Float32Array<ArrayBuffer>) => {
    const values = maps[indices[m]!]!.map((value, other) => (other === t ? added(value, noise) : value))
    const [answer] = await tail.run(values)
    return klDivergence(
      truths[indices[m]!]!,
      probabilities(answer!.data, calibratable(model.manifest).output.kind),
    )
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
      const noisy = (m: number, noise: Float32Array<ArrayBuffer>) => disturb(t, m, noise)
      const learned = await fitKlt(shape, own, noisy, balance[t])
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
