import type { CalibrationRow } from '../codec/calibration-file.ts'
import { oneSided95, wilsonInterval } from './wilson.ts'

/** A codec at a wound. */
export interface CodecPair {
  readonly wound: string
  readonly codec: string
}

export const defaultMaxAccuracyLoss = 0.01

/** What may be used of a model that nobody has calibrated: 8 bits and wider, whose loss is small on any network known. */
const uncalibrated = new Set(['float32', 'float16', 'uint8', 'q8', 'q8c', 'received', 'raw'])

/** Whether a codec may be used without calibration. A picture re-encoded at quality 90 or more counts as 8 bits. */
export function allowedUncalibrated(codec: string): boolean {
  const quality = /^(?:jpeg|webp):(\d+)$/.exec(codec)?.[1]
  return uncalibrated.has(codec) || Number(quality ?? 0) >= 90
}

/**
 * Upper bound, one-sided 95 %, of the share of right answers that the pair costs. Only what the codec changes is
 * counted: whether the model is right on an image is the same luck on both sides.
 *
 * With labels: the difference of paired proportions (`lost` from right to wrong, `won` back), each with half an image
 * added (Agresti and Min, Biostatistics 6, 2005). Without: every changed answer may have been a right one, so the
 * loss is at most the share that changed; its upper Wilson bound. Neither trusts the model's confidence: what `changeLoss`
 * predicts is several times too little for codecs that change few answers.
 */
export function accuracyLossBound(row: CalibrationRow, others: number): number {
  const { images = others } = row
  if (row.lost === undefined || row.won === undefined) {
    const changed = Math.round(images * (1 - row.agreement))
    return wilsonInterval(changed, images, oneSided95).upper
  }
  const lost = row.lost + 0.5
  const won = row.won + 0.5
  const pairs = images + 2
  const spread = lost + won - (lost - won) ** 2 / pairs
  return (lost - won + oneSided95 * Math.sqrt(spread)) / pairs
}

export interface BudgetedPair extends CodecPair {
  readonly lossBound: number
}

export interface AccuracyBudget {
  readonly allowed: readonly BudgetedPair[]
  /** Calibrated, but with a bound above the budget. */
  readonly refused: readonly BudgetedPair[]
}

/**
 * The calibrated pairs whose loss is below the budget with 95 % confidence. A pair that was not measured is not among
 * them: see {@link allowedUncalibrated}. `float32`, `received` and `raw` change nothing and need no measurement. O(rows).
 * @param maxAccuracyLoss share of all answers, 0 to 1.
 */
export function accuracyBudget(
  calibration: { readonly images: number; readonly rows: readonly CalibrationRow[] },
  maxAccuracyLoss = defaultMaxAccuracyLoss,
): AccuracyBudget {
  const allowed: BudgetedPair[] = []
  const refused: BudgetedPair[] = []
  for (const row of calibration.rows) {
    const pair = { wound: row.wound, codec: row.codec, lossBound: accuracyLossBound(row, calibration.images) }
    if (pair.lossBound <= maxAccuracyLoss) allowed.push(pair)
    else refused.push(pair)
  }
  return { allowed, refused }
}
