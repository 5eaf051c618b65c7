import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { calibratePrecision, withPrecisionRow } from '../../src/calibration/precision.ts'
import { loadCalibration, saveCalibration } from '../../src/codec/calibration-file.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { accuracyBudget, accuracyLossBound } from '../../src/scheduler/accuracy-budget.ts'
import { crops } from '../crops.ts'
import { exactRow } from './exact-row.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-precision-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const row = {
  ...exactRow('local', 'int8'),
  images: 1000,
  agreement: 0.999,
  agreementLower: 0.99,
  klDivergence: 0.001,
}

test('a precision is told in a calibration that there is, or begins one; its own pictures count', async () => {
  const model = { hash: 'a'.repeat(32) }
  const measured = { row, accuracy: undefined, timeRatio: 0.6 }
  const first = withPrecisionRow(model, measured, undefined)
  expect(first).toMatchObject({ model: model.hash, images: 1000, rows: [row], transforms: [] })
  const other = { ...row, wound: 'w', codec: 'q8', images: 40 }
  const known = { ...first, images: 20, rows: [other, { ...row, agreement: 0.5 }] }
  const merged = withPrecisionRow(model, measured, known)
  expect(merged).toEqual({ ...known, rows: [other, row] })
  const file = join(folder, 'calibration.json')
  await saveCalibration(file, merged)
  expect(await loadCalibration(file, model.hash)).toEqual(merged)
  // One of a thousand; of the calibration's 20 pictures nobody could tell.
  expect(accuracyLossBound(row, 20)).toBe(accuracyLossBound(row, 1000))
  expect(accuracyBudget(merged).allowed.map(({ codec }) => codec)).toEqual(['int8'])
})

test('calibratePrecision() refuses too few pictures, and engines that have only one precision', async () => {
  const model = await loadModel('mobilenetv2')
  const images = await crops()
  const options = {
    model,
    engine: await loadEngine('onnxruntime'),
    precision: 'int8',
    threads: 1,
    architecture: process.arch,
    images,
    now: () => 0,
    progress: () => undefined,
  } as const
  await expect(calibratePrecision({ ...options, images: images.slice(15) })).rejects.toThrow(
    /must be at least 16 images, current value is 5/,
  )
  await expect(calibratePrecision(options)).rejects.toThrow(/precision of engine onnxruntime must be float32/)
})
