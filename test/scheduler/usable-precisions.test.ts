import { expect, test } from 'vitest'
import { type Calibration, calibrationVersion } from '../../src/codec/calibration-file.ts'
import { usablePrecisions } from '../../src/scheduler/usable-precisions.ts'
import { exactRow } from '../calibration/exact-row.ts'

const rules = { maxAccuracyLoss: 0.01, architecture: 'arm64' }

function calibrated(...rows: Calibration['rows']): Calibration {
  return { version: calibrationVersion, model: 'a'.repeat(32), images: 1000, rows, transforms: [] }
}

test('usablePrecisions() takes what loses little enough of the whole model, measured on such a processor', () => {
  const [int8, fp16] = [exactRow('local', 'int8'), { ...exactRow('local', 'fp16'), architecture: 'arm64' }]
  expect(usablePrecisions(undefined, rules)).toEqual({ usable: [], foreign: [] })
  expect(usablePrecisions(calibrated(), rules)).toEqual({ usable: [], foreign: [] })
  // Older rows do not tell where they were measured.
  expect(usablePrecisions(calibrated(int8, fp16), rules)).toEqual({ usable: ['int8', 'fp16'], foreign: [] })
  const elsewhere = { ...fp16, architecture: 'x64' }
  expect(usablePrecisions(calibrated(int8, elsewhere), rules)).toEqual({
    usable: ['int8'],
    foreign: ['fp16'],
  })
  const lossy = { ...int8, agreement: 0.9 }
  expect(usablePrecisions(calibrated(lossy, exactRow('w', 'fp16')), rules)).toEqual({
    usable: [],
    foreign: [],
  })
})
