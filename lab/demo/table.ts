import { type PolicyName, policies, policyTitles, toleranceMs } from './scenario.ts'
import type { DemoSummary, Row } from './summary.ts'

const columns = [
  ['frame', 6],
  ['link', 9],
  ['believed', 9],
  ['wound', 22],
  ['codec', 9],
  ['bytes', 7],
  ['predicted', 10],
  ['measured', 9],
  ['finished', 8],
  ['answer', 0],
] as const

export function tableHead(policy: PolicyName): string {
  return `\n${policyTitles[policy]}\n${line(columns.map(([name]) => name))}`
}

/** One request, as it was answered. */
export function tableRow(row: Row): string {
  const link = row.uplinkMbps === 0 ? 'dead' : `${row.uplinkMbps} Mbps`
  const { result } = row
  if (result === undefined) return line([String(row.frame), link, '', '', '', '', '', '', '', 'no answer'])
  if (!result.ok)
    return line([String(row.frame), link, '', '', '', '', '', '', '', `error: ${result.error.message}`])
  const { wound, codec, predictedMs, uplinkBps } = result.plan
  const best = result.top[0]
  return line([
    String(row.frame),
    link,
    uplinkBps === null ? '-' : (uplinkBps / 1e6).toPrecision(2),
    wound,
    codec,
    String(result.bytes),
    `${predictedMs.toFixed(0)} ms`,
    `${row.latencyMs!.toFixed(0)} ms`,
    result.finishedAt,
    `${best?.label} ${(100 * (best?.probability ?? 0)).toFixed(0)} %`,
  ])
}

export function summaryTable(summary: DemoSummary): string {
  const head = ['', 'mean', 'p95', 'worst', 'sent', 'late', 'answers/s', 'differ']
  const body = policies.map((policy) => {
    const s = summary.policies[policy]
    const ms = (value: number) => `${value.toFixed(0)} ms`
    return [
      policyTitles[policy],
      ms(s.meanMs),
      ms(s.p95Ms),
      ms(s.maxMs),
      `${(s.bytes / 1000).toFixed(0)} kB`,
      String(s.late),
      s.answersPerS.toFixed(2),
      String(s.differing),
    ]
  })
  const widths = head.map((name, i) => Math.max(name.length, ...body.map((cells) => cells[i]!.length)))
  const rows = [head, ...body].map((cells) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
  )
  const plans = Object.entries(summary.plans)
    .toSorted(([, a], [, b]) => b - a)
    .map(([plan, count]) => `  ${String(count).padStart(4)} x ${plan}`)
  return [
    '',
    'The same frames over the same link, from the camera and back:',
    '',
    ...rows,
    '',
    `late: more than ${toleranceMs} ms after the mean of local only. differ: best class not that of local only.`,
    `${summary.answered} of ${summary.requests} requests answered, ${summary.errors} errors. Edge slowed down ${summary.edgeSlowdown.toFixed(1)} times.`,
    `Agent's event loop: p99 delay ${summary.eventLoopP99Ms.toFixed(1)} ms.`,
    'Plans of surgeon:',
    ...plans,
  ].join('\n')
}

function line(cells: readonly string[]): string {
  return columns
    .map(([, width], i) =>
      width === 0
        ? cells[i]!
        : i < 2 || i === 3 || i === 4
          ? fit(cells[i]!, width).padEnd(width)
          : fit(cells[i]!, width).padStart(width),
    )
    .join(' ')
}

function fit(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}
