import type { CalibrationRow } from '../codec/calibration/calibration-file.ts'
import { oneSided95 } from '../codec/calibration/wilson.ts'

/** A codec at a wound. */
export interface CodecPair {
  readonly wound: string
  readonly codec: string
}

export const defaultMaxAccuracyLoss = 0.01

/** What may be used of a model that nobody has calibrated: 8 bits and wider, whose loss is small on any network known. */
const uncalibrated = new Set(['float32', 'float16', 'uint8', 'q8', 'q8c', 'received'])

/** Whether a codec may be used without calibration. A picture re-encoded at quality 90 or more counts as 8 bits. */
export function allowedUncalibrated(codec: string): boolean {
  const quality = /^(?:jpeg|webp):(\d+)$/.exec(codec)?.[1]
  return uncalibrated.has(codec) || Number(quality ?? 0) >= 90
}

/**
 * How much more a changed answer costs than the model's probabilities say. Measured on 325 labelled photos with
 * MobileNetV2, over the codecs that change the most: 1.15.
 */
const doubt = 1.25

/**
 * Upper bound, one-sided 95 %, of the share of right answers that the pair costs. Only what the codec changes is
 * counted: whether the model is right on an image is the same luck on both sides, so the intervals of accuracy or
 * agreement themselves would forbid everything at a few hundred images.
 *
 * A changed answer loses the model's probability of its own answer less that of the new one, times {@link doubt}: what
 * is lost in expectation where confidence is right. Near ties, which any rounding turns, so count for little. The bound
 * is the mean's normal one, with one further image added that is lost for certain: what so many images cannot show.
 *
 * Labels can only object: where the lower bound of the paired difference that they show (Agresti and Min,
 * Biostatistics 6, 2005) is higher, it counts. Their upper bound alone is of no use here, since a handful of near ties
 * widens it beyond 1 % even for 8-bit codes.
 */
export function accuracyLossBound(row: CalibrationRow, images: number): number {
  const count = images + 1
  const mean = (images * doubt * row.changeLoss + 1) / count
  const square = (images * doubt * doubt * row.changeLossSquare + 1) / count
  const bound = mean + oneSided95 * Math.sqrt((square - mean * mean) / count)
  if (row.lost === undefined || row.won === undefined) return bound
  const lost = row.lost + 0.5
  const won = row.won + 0.5
  const pairs = images + 2
  const spread = Math.sqrt(lost + won - (lost - won) ** 2 / pairs)
  return Math.max(bound, (lost - won - oneSided95 * spread) / pairs)
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
 * them: see {@link allowedUncalibrated}. `float32` and `received` change nothing and need no measurement. O(rows).
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
