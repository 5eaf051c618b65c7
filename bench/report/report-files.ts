import type { MeasuredRuns } from './measured-runs.ts'
import type { EngineTimes, ModelPoint } from './model-tables.ts'
import { codings, type ReportFigures } from './wound-figures.ts'

/** A table of numbers, by the name of its file. */
export interface CsvFile {
  readonly file: string
  readonly text: string
}

/** All that the charts show, as data. */
export function reportCsv(
  edge: MeasuredRuns,
  worker: MeasuredRuns,
  { wounds }: ReportFigures,
  engines: readonly EngineTimes[],
  zoo: readonly ModelPoint[],
): CsvFile[] {
  const perCoding = (name: string) => codings.map((coding) => `${name}_${coding}`)
  return [
    csv(
      'wounds.csv',
      [
        'wound',
        'head_ms',
        'tail_ms',
        'first_head_ms',
        'later_head_ms',
        ...perCoding('bytes'),
        ...perCoding('transfer_ms'),
        ...perCoding('total_ms'),
        ...perCoding('acceleration'),
        ...perCoding('least_bps'),
      ],
      wounds.map((one) => [
        one.wound,
        one.headMs,
        one.tailMs,
        one.firstHeadMs,
        one.laterHeadMs,
        ...[one.bytes, one.transferMs, one.totalMs, one.acceleration, one.leastBps].flatMap((of) =>
          codings.map((coding) => of[coding]),
        ),
      ]),
    ),
    csv(
      'runs.csv',
      ['run', 'edge_ms', 'worker_ms'],
      edge.wholeMs.map((ms, i) => [i + 1, ms, worker.wholeMs[i]]),
    ),
    csv(
      'engines.csv',
      ['engine', 'model', 'whole_ms'],
      engines.flatMap(({ engine, times }) => times.map(({ model, wholeMs }) => [engine, model, wholeMs])),
    ),
    csv(
      'accuracy.csv',
      ['model', 'parameters', 'top1'],
      zoo.map(({ title, parameters, top1 }) => [title, parameters, top1]),
    ),
  ]
}

type Cell = string | number | undefined

/** RFC 4180; numbers with six digits, what is not known empty. */
function csv(file: string, head: readonly string[], rows: readonly (readonly Cell[])[]): CsvFile {
  const cell = (value: Cell) => {
    if (value === undefined) return ''
    if (typeof value === 'number') return String(Number(value.toPrecision(6)))
    return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
  }
  return { file, text: [head, ...rows].map((row) => `${row.map(cell).join(',')}\n`).join('') }
}
