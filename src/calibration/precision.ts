import { median } from 'simple-statistics'
import { indicesOfLargest } from '../answer/indices-of-largest.ts'
import { probabilities } from '../answer/probabilities.ts'
import { ahead } from '../async/ahead.ts'
import { type Calibration, type CalibrationRow, calibrationVersion } from '../codec/calibration-file.ts'
import { decodeImage } from '../codec/image-input.ts'
import {
  type Engine,
  type Executable,
  type Precision,
  type RoundedPrecision,
  withPrecision,
} from '../executor/engine.ts'
import { wholeModel } from '../model-graph/cut.ts'
import type { Model } from '../model-graph/model.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { calibratable } from './calibratable.ts'
import { decodedAhead, requireImages } from './calibrate.ts'
import type { CalibrationImage } from './calibration-image.ts'
import { RowStatistics } from './row-statistics.ts'

export interface CalibratePrecisionOptions {
  readonly model: Model
  readonly engine: Engine
  readonly precision: RoundedPrecision
  readonly threads: number
  /** Of the processor that computes, as `process.arch` has it. */
  readonly architecture: string
  readonly images: readonly CalibrationImage[]
  readonly now: () => number
  readonly progress: (text: string) => void
}

export interface CalibratedPrecision {
  readonly row: CalibrationRow
  /** With labels for all images: share that is right in float32. */
  readonly accuracy: number | undefined
  /** Of a run / a run in float32, the median over the images, each run in both one after the other. */
  readonly timeRatio: number
}

/**
 * What the whole model's answers become in another precision, against those of the same engine in float32, and what it
 * takes. Nothing is fitted, so that every image counts.
 * @throws {RangeError} for too few images, or an engine without that precision.
 */
export async function calibratePrecision(options: CalibratePrecisionOptions): Promise<CalibratedPrecision> {
  const { model, engine, precision, threads, architecture, images, now, progress } = options
  requireImages(images)
  const { input, output } = calibratable(model.manifest)
  const compile = (asked: Precision) =>
    withPrecision(engine, asked).compile(model, wholeModel(model.graph), { threads })
  const [exact, rounded] = [await compile('float32'), await compile(precision)]
  const timed = async (whole: Executable, value: TensorValue) => {
    const beginMs = now()
    const [answer] = await whole.run([value])
    return { ms: now() - beginMs, answer: probabilities(answer!.data, output.kind) }
  }
  const statistics = new RowStatistics()
  const ratios: number[] = []
  let right = 0
  const decoded = ahead(images, decodedAhead, async ({ read, label }) => ({
    value: await decodeImage(await read(), input),
    label,
  }))
  for await (const { value, label } of decoded) {
    if (ratios.length % 50 === 0) progress(`${precision} ${ratios.length}/${images.length}`)
    // Which is first changes: the second finds the input in the cache.
    const isExactFirst = ratios.length % 2 === 0
    const first = await timed(isExactFirst ? exact : rounded, value)
    const second = await timed(isExactFirst ? rounded : exact, value)
    const [truth, result] = isExactFirst ? [first, second] : [second, first]
    statistics.add(truth.answer, result.answer, 0, label)
    ratios.push(result.ms / truth.ms)
    if (label === indicesOfLargest(truth.answer, 1)[0]) right++
  }
  await exact.release()
  await rounded.release()
  const row = statistics.row('local', precision, { encodeMs: 0, decodeMs: 0 })
  const accuracy = row.accuracy === undefined ? undefined : Number((right / images.length).toFixed(4))
  return { row: { ...row, images: images.length, architecture }, accuracy, timeRatio: median(ratios) }
}

/** A calibration with what was measured of a precision, in place of what it said of that. */
export function withPrecisionRow(
  model: Pick<Model, 'hash'>,
  { row, accuracy }: CalibratedPrecision,
  known: Calibration | undefined,
): Calibration {
  const calibration: Calibration = known ?? {
    version: calibrationVersion,
    model: model.hash,
    images: row.images!,
    ...(accuracy !== undefined && { accuracy }),
    rows: [],
    transforms: [],
  }
  const others = calibration.rows.filter(({ wound, codec }) => wound !== row.wound || codec !== row.codec)
  return { ...calibration, rows: [...others, row] }
}
