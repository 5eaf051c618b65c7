import type { AxisSettings } from '../../../src/charts/chart-frame.ts'
import type { ChartSeries } from '../../../src/charts/line-chart.ts'
import type { MeasuredRuns } from '../measured-runs.ts'
import {
  type Coding,
  codings,
  type FigureOptions,
  type ReportFigures,
  type WoundFigure,
} from '../wound-figures.ts'

/** A chart with what is to be said of it. */
export interface ReportChart {
  readonly file: string
  readonly svg: string
  readonly caption: string
}

export interface ChartFacts {
  readonly edge: MeasuredRuns
  readonly worker: MeasuredRuns
  readonly figures: ReportFigures
  readonly options: FigureOptions
  readonly edgeName: string
  readonly workerName: string
}

/** One colour in every chart. */
export const colours = { float32: 0, uint8: 1, calibrated: 2, jpeg: 3, edge: 4, link: 6 } as const

export const codingNames: Readonly<Record<Coding, string>> = {
  float32: 'as float32, as in the talk',
  uint8: 'as uint8',
  calibrated: 'calibrated codec',
}

export function byCoding(
  wounds: readonly WoundFigure[],
  read: (wound: WoundFigure) => Readonly<Record<Coding, number | undefined>>,
): ChartSeries[] {
  return codings
    .map(
      (coding): ChartSeries => ({
        name: codingNames[coding],
        colour: colours[coding],
        draw: coding === 'calibrated' ? 'dots' : 'line',
        points: numbered(wounds, (wound) => read(wound)[coding]),
      }),
    )
    .filter(({ points }) => points.some(({ y }) => Number.isFinite(y)))
}

/** By place in the model; what is not there is not a number, and breaks the line. */
export function numbered(wounds: readonly WoundFigure[], read: (wound: WoundFigure) => number | undefined) {
  return wounds.map((wound, i) => {
    const y = read(wound) ?? Number.NaN
    return { x: i + 1, y, label: `${wound.wound}: ${Number(y.toPrecision(3))}` }
  })
}

export function woundAxis(wounds: readonly WoundFigure[]): AxisSettings {
  return {
    title: 'wound, from the input to the output',
    kind: 'linear',
    domain: [0, wounds.length + 1],
    format: String,
  }
}

export function logAxis(title: string, values: readonly number[]): AxisSettings {
  return { title, kind: 'log', domain: paddedLog(values) }
}

/** A tenth more at both ends. */
export function paddedLog(values: readonly number[]): [number, number] {
  const known = values.filter((value) => Number.isFinite(value) && value > 0)
  return [0.85 * Math.min(...known), 1.18 * Math.max(...known)]
}

/** The narrowest that every wound has. */
export function bestCoding(wounds: readonly WoundFigure[]): Coding {
  return wounds.every(({ bytes }) => bytes.calibrated !== undefined) ? 'calibrated' : 'uint8'
}

export function ms(value: number): string {
  return `${Number(value.toPrecision(3))} ms`
}

export function mbps(bps: number): string {
  return String(Number((bps / 1e6).toPrecision(3)))
}

export function kilobytes(bytes: number): string {
  return `${Number((bytes / 1000).toPrecision(3))} kB`
}
