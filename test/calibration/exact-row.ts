import type { CalibrationRow } from '../../src/codec/calibration-file.ts'

/** What calibration tells of a codec at a wound that changes no answer and costs nothing. */
export function exactRow(wound: string, codec: string): CalibrationRow {
  return {
    wound,
    codec,
    bytesMean: 0,
    bytesP95: 0,
    agreement: 1,
    agreementLower: 1,
    klDivergence: 0,
    changeLoss: 0,
    changeLossSquare: 0,
    encodeMs: 0,
    decodeMs: 0,
  }
}
