import type { Calibration } from '../codec/calibration-file.ts'
import { type RoundedPrecision, roundedPrecisions } from '../executor/engine.ts'
import { accuracyBudget } from './accuracy-budget.ts'
import { localWound } from './plan-point.ts'

export interface PrecisionRules {
  /** Share of all answers. */
  readonly maxAccuracyLoss: number
  /** Of the processor that will compute, as `process.arch` has it. */
  readonly architecture: string
}

export interface UsablePrecisions {
  /** Those in which the whole model may be computed. */
  readonly usable: readonly RoundedPrecision[]
  /** Those that lose little enough on a processor of another architecture, whose kernels round otherwise. */
  readonly foreign: readonly RoundedPrecision[]
}

/** What a calibration allows besides float32: a row of wound `local` has the precision where others have the codec. */
export function usablePrecisions(
  calibration: Calibration | undefined,
  { maxAccuracyLoss, architecture }: PrecisionRules,
): UsablePrecisions {
  const allowed = calibration === undefined ? [] : accuracyBudget(calibration, maxAccuracyLoss).allowed
  const within = roundedPrecisions.filter((precision) =>
    allowed.some(({ wound, codec }) => wound === localWound && codec === precision),
  )
  const isForeign = (precision: RoundedPrecision) => {
    const row = calibration!.rows.find(({ wound, codec }) => wound === localWound && codec === precision)!
    return row.architecture !== undefined && row.architecture !== architecture
  }
  return {
    usable: within.filter((precision) => !isForeign(precision)),
    foreign: within.filter(isForeign),
  }
}
