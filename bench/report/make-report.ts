import type { Calibration } from '../../src/codec/calibration-file.ts'
import { codecOptions } from '../../src/scheduler/codec-options.ts'
import { reportCharts } from './charts/report-charts.ts'
import type { MeasuredRuns } from './measured-runs.ts'
import type { EngineTimes, ModelPoint } from './model-tables.ts'
import { type CsvFile, reportCsv } from './report-files.ts'
import { reportPage } from './report-page.ts'
import { codings, type FigureOptions, woundFigures } from './wound-figures.ts'

export interface ReportInputs {
  readonly edge: MeasuredRuns
  readonly worker: MeasuredRuns
  /** What stands for the edge, such as `pi4 (estimated)`. */
  readonly edgeName: string
  readonly workerName: string
  readonly calibration: Calibration | undefined
  readonly maxAccuracyLoss: number
  readonly options: FigureOptions
  readonly engines: readonly EngineTimes[]
  readonly zoo: readonly ModelPoint[]
}

export interface Report {
  /** The page itself. */
  readonly html: string
  readonly csv: readonly CsvFile[]
}

/** Rows of the table of desirable wounds. */
const mostRows = 20

/** The whole report, from numbers alone. */
export function makeReport(inputs: ReportInputs): Report {
  const { edge, worker, calibration, maxAccuracyLoss, options, engines, zoo, edgeName, workerName } = inputs
  const figures = woundFigures(edge, worker, calibratedBytes(edge, calibration, maxAccuracyLoss), options)
  const { link, edgeFactor, inputBytes } = options
  const ms = (value: number) => `${Number(value.toPrecision(3))} ms`
  const desirable = figures.wounds
    .flatMap(({ wound, totalMs, bytes }) =>
      codings.flatMap((coding) => {
        const total = totalMs[coding]
        return total === undefined || total >= figures.edgeMs
          ? []
          : [{ wound, coding, total, sent: bytes[coding]! }]
      }),
    )
    .toSorted((one, other) => one.total - other.total)
  const byJpeg = figures.baseline.totalMs
  const facts = { edge, worker, figures, options, edgeName, workerName }
  const html = reportPage({
    title: `DNN surgery of ${edge.model}`,
    said: [
      `Edge: ${edgeName}, ${edge.engine}, ${edge.threads} ${edge.threads === 1 ? 'thread' : 'threads'}${edgeFactor === 1 ? '' : `, every time multiplied by ${edgeFactor.toFixed(1)}: an estimate, not a measurement of such a board`}. Worker: ${workerName}, ${worker.engine}.`,
      `Link: ${link.uplinkBps / 1e6} Mbps up, ${link.downlinkBps / 1e6} Mbps down, ${link.roundTripMs} ms round trip. The picture has ${inputBytes / 1000} kB as JPEG.`,
      `The edge alone takes ${ms(figures.edgeMs)}, sending the picture ${ms(byJpeg)}${desirable[0] === undefined ? '' : `, the best cut ${ms(desirable[0].total)} (${desirable[0].wound}, ${desirable[0].coding})`}.`,
      'These are the figures of Yu Yang’s talk “DNN Surgery in Edge Computing” (2018), redone: bytes are charged in the direction that they travel, and the picture as it is encoded is among what is compared.',
    ],
    charts: reportCharts(facts, engines, zoo),
    table: {
      head: ['wound', 'as', 'sent', 'until the answer', 'against the edge', 'against the JPEG'],
      rows: desirable
        .slice(0, mostRows)
        .map(({ wound, coding, total, sent }) => [
          wound,
          coding,
          `${Number((sent / 1000).toPrecision(3))} kB`,
          ms(total),
          `${(figures.edgeMs / total).toFixed(2)} x`,
          `${(byJpeg / total).toFixed(2)} x`,
        ]),
    },
  })
  return { html, csv: reportCsv(edge, worker, figures, engines, zoo) }
}

/** The fewest bytes that the accuracy budget allows, at each wound that is calibrated. */
function calibratedBytes(
  { wounds }: MeasuredRuns,
  calibration: Calibration | undefined,
  maxAccuracyLoss: number,
): Map<string, number> {
  if (calibration === undefined) return new Map()
  const rules = { featureCodecs: [], inputCodecs: [], maxAccuracyLoss }
  const options = codecOptions(
    wounds.map(({ id }) => id),
    rules,
    calibration,
  )
  return new Map(
    [...options].flatMap(([wound, codecs]) => {
      const known = codecs.flatMap(({ bytes }) => (bytes === undefined ? [] : [bytes]))
      return known.length === 0 ? [] : [[wound, Math.min(...known)] as const]
    }),
  )
}
