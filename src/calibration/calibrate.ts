import { indicesOfLargest } from '../answer/indices-of-largest.ts'
import { probabilities } from '../answer/probabilities.ts'
import { ahead } from '../async/ahead.ts'
import { type Calibration, type CalibrationRow, calibrationVersion } from '../codec/calibration-file.ts'
import { decodePixels } from '../codec/image-input.ts'
import { pixelsToInput } from '../codec/pixels-to-input.ts'
import type { Engine } from '../executor/engine.ts'
import { cut, wholeModel } from '../model-graph/cut.ts'
import type { Model } from '../model-graph/model.ts'
import type { Wound } from '../model-graph/wound.ts'
import { answered } from './answered.ts'
import { calibratable } from './calibratable.ts'
import type { CalibrationImage } from './calibration-image.ts'
import type { CodecChoice } from './codec-choice.ts'
import type { Journal } from './journal.ts'
import { measureFeatures } from './measure-features.ts'
import { measureInputs } from './measure-inputs.ts'
import { paretoRows } from './row-statistics.ts'
import { runTogether } from './run-together.ts'

export interface CalibrateOptions {
  readonly model: Model
  readonly engine: Engine
  readonly threads: number
  readonly images: readonly CalibrationImage[]
  /** Wounds to measure; `local` is left out. */
  readonly wounds: readonly Wound[]
  readonly codecs: CodecChoice
  readonly journal: Journal
  readonly progress: (text: string) => void
}

/** Enough to see whether JPEG, plain codes or transforms win, and where each of them stops losing answers. */
export const defaultCodecs: CodecChoice = {
  input: [
    'received',
    'raw',
    ...[30, 50, 75, 85, 90, 95, 97, 99].flatMap((quality) => [`jpeg:${quality}`, `webp:${quality}`]),
    ...[25, 40, 55, 70, 85, 95].map((quality) => `avif:${quality}`),
    ...[50, 85].flatMap((quality) => [`jpeg:${quality}@160`, `webp:${quality}@160`]),
  ],
  features: ['float16', 'uint8', 'q8', 'q6', 'q5', 'q4', 'q4c', 'q3', 'q3c', 'q2'],
  levels: [0, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16],
}

/** Pictures that are decoded at a time, or while the engine is at work. */
export const decodedAhead = 8

/** Fewer say nothing: the transforms would learn the images by heart. */
const leastImages = 16

/** @throws {RangeError} for too few. */
export function requireImages({ length }: readonly CalibrationImage[]): void {
  if (length < leastImages)
    throw new RangeError(
      `Cannot calibrate: there must be at least ${leastImages} images, current value is ${length}`,
    )
}

export interface CalibrationResult {
  readonly calibration: Calibration
  /** Every row measured, the dominated ones too. */
  readonly rows: readonly CalibrationRow[]
}

/**
 * Measures what each codec costs and spoils at each wound. Four-fold: what is learned from three quarters of the images
 * is measured on the fourth, in turn, so that every row holds for images the codec has not seen; the transforms that
 * are kept are then learned from all of them.
 * @throws {RangeError} for too few images; {@link InputError} for one that cannot be read.
 */
export async function calibrate(options: CalibrateOptions): Promise<CalibrationResult> {
  const { model, engine, threads, images, wounds, codecs, journal, progress } = options
  requireImages(images)
  const { input, output } = calibratable(model.manifest)
  const whole = await engine.compile(model, wholeModel(model.graph), { threads })
  const pixels: Uint8Array[] = []
  const decoded = ahead(images, decodedAhead, async (image) => decodePixels(await image.read(), input))
  for await (const picture of decoded) {
    if (pixels.length % 50 === 0) progress(`pictures ${pixels.length}/${images.length}`)
    pixels.push(picture)
  }
  const request = (picture: Uint8Array) => ({ request: [pixelsToInput(picture, input)] })
  const examples = pixels.slice(0, leastImages).map((picture) => request(picture).request)
  const answers = await runTogether(whole, examples)
  const truths: Float32Array[] = []
  for await (const { outputs } of answered(pixels, request, answers)) {
    if (truths.length % 50 === 0) progress(`reference answers ${truths.length}/${images.length}`)
    truths.push(probabilities(outputs[0]!.data, output.kind))
  }
  const rows: CalibrationRow[] = []
  const transforms: Calibration['transforms'] = []
  for (const wound of wounds) {
    if (wound.id === 'local') continue
    if (wound.id === 'input') {
      rows.push(
        ...(await measureInputs({
          model,
          answers,
          images,
          pixels,
          truths,
          codecs: codecs.input,
          journal,
          progress,
        })),
      )
      continue
    }
    const parts = cut(model.graph, wound)
    const head = await engine.compile(model, parts.head, { threads })
    const tail = await engine.compile(model, parts.tail, { threads })
    const measured = await measureFeatures({
      model,
      wound,
      head: await runTogether(head, examples),
      tail,
      images,
      pixels,
      request,
      truths,
      codecs,
      journal,
      progress,
    })
    rows.push(...measured.rows)
    transforms.push(...measured.transforms)
    await head.release()
    await tail.release()
  }
  await whole.release()
  const labelled = images.filter(({ label }) => label !== undefined).length
  const right = images.filter(({ label }, i) => label === indicesOfLargest(truths[i]!, 1)[0]).length
  const accuracy = labelled === images.length ? { accuracy: Number((right / labelled).toFixed(4)) } : {}
  const best = paretoRows(rows)
  const used = new Set(best.filter(({ codec }) => codec.startsWith('klt:')).map(({ wound }) => wound))
  const kept = transforms.filter(({ wound }) => used.has(wound))
  const calibration: Calibration = {
    version: calibrationVersion,
    model: model.hash,
    images: images.length,
    ...accuracy,
    rows: best,
    transforms: kept,
  }
  return { calibration, rows }
}
