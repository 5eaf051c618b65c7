import { expect, test } from 'vitest'
import type { CalibrationRow } from '../../src/codec/calibration-file.ts'
import { codecOptions } from '../../src/scheduler/codec-options.ts'
import { exactRow } from '../calibration/exact-row.ts'

const rules = {
  featureCodecs: ['float16', 'uint8', 'q4'],
  inputCodecs: ['received', 'jpeg:50'],
  maxAccuracyLoss: 0.01,
}

/** A pair that turned `lost` of 1000 right answers wrong. */
function row(wound: string, codec: string, bytesMean: number, lost: number): CalibrationRow {
  const agreement = 1 - lost / 1000
  return {
    ...exactRow(wound, codec),
    bytesMean,
    bytesP95: bytesMean,
    agreement,
    agreementLower: agreement,
    accuracy: 0.8,
    lost,
    won: 0,
    encodeMs: 1,
    decodeMs: 1,
  }
}

test('codecOptions() without calibration are 8 bits and wider, whatever else is named', () => {
  const options = codecOptions(['input', 'middle'], rules, undefined)
  expect(options.get('input')).toEqual([{ codec: 'received', bytes: undefined }])
  expect(options.get('middle')!.map(({ codec }) => codec)).toEqual(['float16', 'uint8'])
})

test('codecOptions() adds the smallest calibrated codec within the budget, and drops named ones beyond it', () => {
  const rows = [
    row('middle', 'q4', 4000, 0),
    row('middle', 'klt:20', 2000, 1),
    row('middle', 'klt:30', 1000, 60),
    row('middle', 'uint8', 9000, 90),
    row('input', 'jpeg:50', 7000, 40),
    row('elsewhere', 'klt:1', 1, 0),
  ]
  const options = codecOptions(['input', 'middle'], rules, { images: 1000, rows })
  expect(options.get('middle')).toEqual([
    { codec: 'float16', bytes: undefined },
    { codec: 'q4', bytes: 4000, decodeMs: 1 },
    { codec: 'klt:20', bytes: 2000, decodeMs: 1 },
  ])
  expect(options.get('input')).toEqual([{ codec: 'received', bytes: undefined }])
  const generous = codecOptions(['middle'], { ...rules, maxAccuracyLoss: 0.1 }, { images: 1000, rows })
  expect(generous.get('middle')!.at(-1)).toEqual({ codec: 'klt:30', bytes: 1000, decodeMs: 1 })
})

test('codecOptions() adds the smallest that is encoded fast beside the smallest, so that effort is priced', () => {
  const rows = [
    row('middle', 'klt:8', 2000, 0),
    row('middle', 'klt:8/fast', 2200, 0),
    row('middle', 'klt:9/fast', 2500, 0),
    row('end', 'q4', 300, 0),
  ]
  const options = codecOptions(['middle', 'end'], rules, { images: 1000, rows })
  expect(
    options
      .get('middle')!
      .map(({ codec }) => codec)
      .slice(-2),
  ).toEqual(['klt:8', 'klt:8/fast'])
  expect(options.get('end')!.map(({ codec }) => codec)).toEqual(['float16', 'uint8', 'q4'])
})

test('codecOptions() judges a codec at each wound by what it costs there', () => {
  const rows = [
    row('middle', 'q4', 4000, 0),
    row('end', 'q4', 300, 60),
    row('middle', 'klt:8', 2000, 60),
    row('end', 'klt:8', 200, 0),
  ]
  const options = codecOptions(['middle', 'end'], rules, { images: 1000, rows })
  const offered = (wound: string) => options.get(wound)!.map(({ codec, bytes }) => [codec, bytes])
  expect(offered('middle').slice(-1)).toEqual([['q4', 4000]])
  expect(offered('end').slice(-1)).toEqual([['klt:8', 200]])
  expect(offered('end').map(([codec]) => codec)).not.toContain('q4')
})

test('codecOptions() leaves out a wound at which nothing may cross', () => {
  const options = codecOptions(['input', 'middle'], { ...rules, inputCodecs: [] }, undefined)
  expect([...options.keys()]).toEqual(['middle'])
})
