import { indicesOfLargest } from '../answer/indices-of-largest.ts'
import type { CalibrationRow } from '../codec/calibration-file.ts'
import { wilsonInterval } from '../scheduler/wilson.ts'
import type { CodecTimes } from './codec-times.ts'
import { klDivergence } from './output-distance.ts'

/** Collects one row: what a codec does to every image at a wound. */
export class RowStatistics {
  private readonly bytes: number[] = []
  private agreed = 0
  private divergence = 0
  private changeLoss = 0
  private changeLossSquare = 0
  private right = 0
  private lost = 0
  private won = 0
  private labelled = 0

  /** @param truth,result probabilities of the whole model without codec, and with it. */
  add(truth: Float32Array, result: Float32Array, bytes: number, label?: number): void {
    const [before = 0] = indicesOfLargest(truth, 1)
    const [after = 0] = indicesOfLargest(result, 1)
    this.bytes.push(bytes)
    if (before === after) this.agreed++
    const loss = truth[before]! - truth[after]!
    this.changeLoss += loss
    this.changeLossSquare += loss * loss
    this.divergence += klDivergence(truth, result)
    if (label === undefined) return
    this.labelled++
    if (after === label) this.right++
    if (before === label && after !== label) this.lost++
    if (before !== label && after === label) this.won++
  }

  row(wound: string, codec: string, { encodeMs, decodeMs }: CodecTimes): CalibrationRow {
    const count = this.bytes.length
    const sorted = this.bytes.toSorted((a, b) => a - b)
    const labels =
      // Of some images alone: their losses over all images would look too small.
      this.labelled < count
        ? {}
        : { accuracy: round(this.right / this.labelled, 4), lost: this.lost, won: this.won }
    return {
      wound,
      codec,
      bytesMean: round(this.bytes.reduce((sum, bytes) => sum + bytes, 0) / count, 1),
      bytesP95: sorted[Math.ceil(0.95 * count) - 1]!,
      agreement: round(this.agreed / count, 4),
      agreementLower: round(wilsonInterval(this.agreed, count).lower, 4),
      klDivergence: round(this.divergence / count, 5),
      changeLoss: round(this.changeLoss / count, 6),
      changeLossSquare: round(this.changeLossSquare / count, 6),
      ...labels,
      encodeMs: round(encodeMs, 2),
      decodeMs: round(decodeMs, 2),
    }
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

/**
 * Of each wound the rows than which none is at least as good in bytes, agreement and divergence; what is rounded fast is
 * not left out for what asks more of the encoder. O(n^2).
 */
export function paretoRows(rows: readonly CalibrationRow[]): CalibrationRow[] {
  const isFast = ({ codec }: CalibrationRow) => codec.endsWith('/fast')
  const covers = (a: CalibrationRow, b: CalibrationRow) =>
    a.wound === b.wound &&
    (isFast(a) || !isFast(b)) &&
    a.bytesMean <= b.bytesMean &&
    a.agreement >= b.agreement &&
    a.klDivergence <= b.klDivergence
  return rows.filter(
    (row, i) => !rows.some((other, j) => i !== j && covers(other, row) && (!covers(row, other) || j < i)),
  )
}
