import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { calibrationChart } from '../../src/calibration/calibration-chart.ts'
import { runCalibration } from '../../src/calibration/run-calibration.ts'
import { loadCalibration, saveCalibration } from '../../src/codec/calibration-file.ts'
import { kltLevels } from '../../src/codec/klt/klt-parameters.ts'
import { roundedPrecisions } from '../../src/executor/engine.ts'
import { findModel } from '../../src/model-graph/find-model.ts'
import { defaultMaxAccuracyLoss } from '../../src/scheduler/accuracy-budget.ts'
import { positiveNumber, readOptions, wholeNumber, wholeNumbers } from '../../src/terminal/options.ts'
import { progressLine } from '../../src/terminal/progress-line.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'
import { calibrateCascade } from './calibrate-cascade.ts'
import { calibrateRounded } from './calibrate-precision.ts'
import { calibrateSequence } from './calibrate-sequence.ts'

export async function calibrate(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      model: { type: 'string' },
      images: { type: 'string' },
      labels: { type: 'string' },
      sequence: { type: 'string' },
      cascade: { type: 'string' },
      precision: { type: 'string' },
      'max-accuracy-loss': { type: 'string' },
      limit: { type: 'string' },
      wounds: { type: 'string' },
      levels: { type: 'string' },
      out: { type: 'string' },
      json: { type: 'boolean' },
    },
  })
  const { model, images, labels, sequence, cascade, json = false } = values
  if (model === undefined || (images === undefined) === (sequence === undefined))
    throw new UsageError('surgeon calibrate needs --model M and --images DIR or --sequence DIR')
  const limit = values.limit === undefined ? undefined : wholeNumber(values.limit, '--limit', 1)
  if (sequence !== undefined) {
    const most = values['max-accuracy-loss']
    const mostDiffering =
      most === undefined ? defaultMaxAccuracyLoss : positiveNumber(most, '--max-accuracy-loss')
    return calibrateSequence({ model, sequence, limit: limit ?? Infinity, mostDiffering, json })
  }
  if (images === undefined) throw new UsageError('surgeon calibrate needs --images DIR')
  const place = await findModel(model)
  const directory = values.out ?? (place.kind === 'zoo' ? undefined : place.directory)
  if (directory === undefined)
    throw new UsageError('surgeon calibrate needs --out DIR for a model of the zoo')
  if (cascade !== undefined)
    return calibrateCascade({ model, cascade, images, labels, limit: limit ?? Infinity, directory, json })
  if (values.precision !== undefined) {
    const precision = roundedPrecisions.find((name) => name === values.precision)
    if (precision === undefined)
      throw new UsageError(
        `--precision must be one of ${roundedPrecisions.join(', ')}, current value is ${values.precision}`,
      )
    return calibrateRounded({ model, precision, images, labels, limit: limit ?? Infinity, directory, json })
  }
  const progress = progressLine()
  const wounds = values.wounds?.split(',')
  const levels =
    values.levels === undefined ? undefined : wholeNumbers(values.levels, '--levels', kltLevels.coarsest)
  const result = await runCalibration({
    model,
    images,
    labels,
    limit,
    wounds,
    levels,
    directory,
    progress: progress.show,
  })
  progress.end()
  const file = join(directory, 'calibration.json')
  const known = await loadCalibration(file, result.calibration.model).catch(() => undefined)
  // What it says of precisions is measured by itself.
  const kept = known?.rows.filter(({ wound }) => wound === 'local') ?? []
  await saveCalibration(file, { ...result.calibration, rows: [...result.calibration.rows, ...kept] })
  const { name } = result.loaded.manifest
  await writeFile(
    join(directory, 'calibration.svg'),
    calibrationChart(`${name}, ${result.imageCount} images`, result.rows),
  )
  if (json) {
    console.log(JSON.stringify({ model: name, images: result.imageCount, rows: result.rows }, undefined, 2))
    return 0
  }
  console.log(`wound                          codec        bytes    p95  agreement   accuracy`)
  for (const row of result.calibration.rows) {
    const accuracy = row.accuracy === undefined ? '' : `${(100 * row.accuracy).toFixed(1)} %`
    console.log(
      `${row.wound.padEnd(30)} ${row.codec.padEnd(10)} ${row.bytesMean.toFixed(0).padStart(7)} ${row.bytesP95.toFixed(0).padStart(6)} ${`${(100 * row.agreement).toFixed(1)} %`.padStart(10)} ${accuracy.padStart(10)}`,
    )
  }
  console.log(`Written: ${file} and calibration.svg beside it. Worker and agent need the same file.`)
  return 0
}
