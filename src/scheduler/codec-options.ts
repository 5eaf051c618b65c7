import type { CalibrationRow } from '../codec/calibration-file.ts'
import { accuracyBudget, allowedUncalibrated } from './accuracy-budget.ts'

/** A codec that may be used at a wound. */
export interface CodecOption {
  readonly codec: string
  /** Mean payload on the calibration's images; undefined where it was not calibrated. */
  readonly bytes: number | undefined
  /** What decoding took on the machine that calibrated: workers announce their tails without it. */
  readonly decodeMs?: number | undefined
}

export interface CodecRules {
  /** Feature codecs and codecs of the input that the operator wants considered in any case. */
  readonly featureCodecs: readonly string[]
  readonly inputCodecs: readonly string[]
  /** Share of all answers. */
  readonly maxAccuracyLoss: number
}

/**
 * What may cross at each wound: of the calibrated codecs whose loss is below the budget the one with the fewest bytes
 * and, of those that are encoded fast, that with the fewest, so that the planner prices effort; and those that the rules name as far as they are calibrated and within the budget or lossless enough without (8 bits
 * and wider). A wound without any is not in the map.
 */
export function codecOptions(
  wounds: readonly string[],
  rules: CodecRules,
  calibration: { readonly images: number; readonly rows: readonly CalibrationRow[] } | undefined,
): Map<string, CodecOption[]> {
  const rows = calibration?.rows ?? []
  const budget = calibration === undefined ? undefined : accuracyBudget(calibration, rules.maxAccuracyLoss)
  const isAllowed = (wound: string, codec: string) =>
    budget?.allowed.some((pair) => pair.wound === wound && pair.codec === codec) ?? false
  const options = new Map<string, CodecOption[]>()
  for (const wound of wounds) {
    const calibrated = rows.filter((row) => row.wound === wound)
    const named = wound === 'input' ? rules.inputCodecs : rules.featureCodecs
    const found = named
      .filter((codec) => {
        const measured = calibrated.some((row) => row.codec === codec)
        return measured ? isAllowed(wound, codec) : allowedUncalibrated(codec)
      })
      .map((codec): CodecOption => {
        const row = calibrated.find((measured) => measured.codec === codec)
        return { codec, bytes: row?.bytesMean, decodeMs: row?.decodeMs }
      })
    const within = calibrated
      .filter((row) => isAllowed(wound, row.codec))
      .toSorted((a, b) => a.bytesMean - b.bytesMean)
    for (const smallest of [within[0], within.find(({ codec }) => codec.endsWith('/fast'))]) {
      if (smallest === undefined || found.some(({ codec }) => codec === smallest.codec)) continue
      const { codec, bytesMean: bytes, decodeMs } = smallest
      found.push({ codec, bytes, decodeMs })
    }
    if (found.length > 0) options.set(wound, found)
  }
  return options
}
