import type { EngineRow } from './measure-engine.ts'

/** The rows as a Markdown table; what misses its target is marked. */
export function enginesTable(rows: readonly EngineRow[]): string {
  const head = [
    'model | engine | threads | whole ms | whole / runtime alone | chain / whole | head + tail / whole at each wound | first run ms | runs 2..100 ms | first answer ms | event loop p99 ms',
    '---|---|---|---|---|---|---|---|---|---|---',
  ]
  const body = rows.map((row) =>
    [
      row.model,
      row.engine,
      row.threads,
      row.wholeMs.toFixed(1),
      row.referenceRatio === null ? '-' : marked(row.referenceRatio, 1.02),
      `${marked(row.chainRatio, 1.05)} (${row.segments})`,
      row.wounds.map(({ ratio }) => marked(ratio, 1.03)).join(' '),
      row.firstRunMs.toFixed(1),
      row.laterRunsMs.toFixed(1),
      row.daemon.firstAnswerMs.toFixed(0),
      row.daemon.eventLoopP99Ms.toFixed(1),
    ].join(' | '),
  )
  return [...head, ...body].map((line) => (line.startsWith('---') ? `|${line}|` : `| ${line} |`)).join('\n')
}

function marked(ratio: number, target: number): string {
  return ratio <= target ? ratio.toFixed(3) : `**${ratio.toFixed(3)}**`
}
