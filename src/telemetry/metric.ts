/** What a number counts; the key ends in it where it is not obvious. */
export type Unit =
  | 'count'
  | 'ms'
  | 'seconds'
  | 'bytes'
  | 'bits per second'
  | 'celsius'
  | 'hertz'
  | 'ratio'
  | 'yes or no'

/** One number that a daemon tells of itself: everything that shows metrics, in whatever form, is made from a list of these. */
export interface Metric<Figures> {
  /** Snake case, with the unit: the key of the flat JSON. */
  readonly key: string
  readonly unit: Unit
  /** One sentence without a full stop. */
  readonly help: string
  /** A counter only rises, until the process starts again. */
  readonly kind: 'gauge' | 'counter'
  /** Undefined while it is not known: such a metric is left out, never given a stand-in. */
  readonly read: (figures: Figures) => number | undefined
}

/** Digits that mean something, by unit. */
const decimals: Readonly<Record<Unit, number>> = {
  count: 0,
  ms: 2,
  seconds: 0,
  bytes: 0,
  'bits per second': 0,
  celsius: 1,
  hertz: 0,
  ratio: 3,
  'yes or no': 0,
}

/** What is known now, rounded to what it means. */
export function metricValues<Figures>(
  metrics: readonly Metric<Figures>[],
  figures: Figures,
): Record<string, number> {
  const known = metrics.flatMap(({ key, unit, read }): [string, number][] => {
    const value = read(figures)
    return value === undefined || !Number.isFinite(value) ? [] : [[key, rounded(value, decimals[unit])]]
  })
  return Object.fromEntries(known)
}

function rounded(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}
