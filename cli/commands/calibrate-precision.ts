import { join } from 'node:path'
import { calibrationImages } from '../../src/calibration/calibration-images.ts'
import { calibratePrecision, withPrecisionRow } from '../../src/calibration/precision.ts'
import { loadCalibration, saveCalibration } from '../../src/codec/calibration-file.ts'
import { type RoundedPrecision, roundingEngine } from '../../src/executor/engine.ts'
import { runTrial } from '../../src/executor/engine-trial.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { accuracyLossBound, defaultMaxAccuracyLoss } from '../../src/scheduler/accuracy-budget.ts'
import { progressLine } from '../../src/terminal/progress-line.ts'

interface PrecisionRun {
  readonly model: string
  readonly precision: RoundedPrecision
  readonly images: string
  readonly labels: string | undefined
  readonly limit: number
  /** Where the calibration lies. */
  readonly directory: string
  readonly json: boolean
}

const engine = roundingEngine
const threads = 1

/** What the model in another precision costs in answers, and brings in time; for an agent with the engine that has it. */
export async function calibrateRounded(run: PrecisionRun): Promise<number> {
  const { precision } = run
  const images = await calibrationImages(run.images, run.labels, run.limit)
  const model = await loadModel(run.model)
  const xnnpack = await loadEngine(engine)
  const file = join(run.directory, 'calibration.json')
  const known = await loadCalibration(file, model.hash)
  // In a process of its own first: the library is the system's, and may take that down.
  const trial = await runTrial({ model: run.model, engine, threads, precision })
  if (trial.kind === 'failed') throw new Error(`Cannot calibrate ${precision}: ${trial.reason}`)
  const { show: progress, end } = progressLine()
  const now = () => performance.now()
  const how = { engine: xnnpack, precision, threads, architecture: process.arch }
  const options = { model, ...how, images, now, progress }
  const measured = await calibratePrecision(options)
  end()
  await saveCalibration(file, withPrecisionRow(model, measured, known))
  const { row, timeRatio, accuracy } = measured
  const lossBound = accuracyLossBound(row, images.length)
  if (run.json) {
    const { name } = model.manifest
    const document = { model: name, images: images.length, accuracy, row, lossBound, timeRatio }
    console.log(JSON.stringify(document, undefined, 2))
    return 0
  }
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`
  console.log(`${images.length} images, engine ${engine} in ${precision} against float32`)
  console.log(`same first class  ${percent(row.agreement)}`)
  if (row.accuracy !== undefined)
    console.log(
      `right             ${percent(row.accuracy)} (${percent(accuracy!)}; ${row.lost} lost, ${row.won} won)`,
    )
  console.log(`time of a run     ${timeRatio.toFixed(2)} of float32's on this machine`)
  console.log(
    `It may lose up to ${percent(lossBound)} of the answers, with 95 % confidence: an agent uses it from maxAccuracyLoss ${Math.ceil(1000 * lossBound) / 1000} on (${defaultMaxAccuracyLoss} unless set).`,
  )
  console.log(`Written: ${file}`)
  return 0
}
