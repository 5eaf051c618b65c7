import { textTable } from '../../src/terminal/text-table.ts'
import { alonePolicies, type PolicyName, policyTitles, toleranceMs } from './scenario.ts'
import type { DemoSummary, Row } from './summary.ts'

/** With the answer beside them, which is cut to fit, they fill 80 columns. */
const columns = [
  ['frame', 5],
  ['Mbps (seen)', 12],
  ['wound/codec', 18],
  ['bytes', 6],
  ['pred. ms', 8],
  ['meas. ms', 8],
  ['by', 6],
  ['answer', 10],
] as const

export function tableHead(policy: PolicyName): string {
  return `\n${policyTitles[policy]}\n${line(columns.map(([name]) => name))}`
}

/** One request, as it was answered. */
export function tableRow(row: Row): string {
  const frame = String(row.frame)
  const link = row.uplinkMbps === 0 ? 'dead' : String(row.uplinkMbps)
  const { result } = row
  if (result === undefined) return `${line([frame, link])} no answer`
  if (!result.ok) return `${line([frame, link])} error: ${result.error.message}`
  const { wound, codec, predictedMs, uplinkBps } = result.plan
  const best = result.top?.[0]
  return line([
    frame,
    `${link} (${uplinkBps === null ? '-' : (uplinkBps / 1e6).toPrecision(2)})`,
    wound === 'local' ? wound : `${wound}/${codec}`,
    String(result.bytes),
    predictedMs.toFixed(0),
    row.latencyMs!.toFixed(0),
    result.finishedAt,
    best?.label ?? '',
  ])
}

export function summaryTable(summary: DemoSummary): string {
  const head = ['', 'mean', 'p95', 'worst', 'sent', 'late', 'answers/s', 'differ']
  const body = alonePolicies.map((policy) => {
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
  const plans = Object.entries(summary.plans)
    .toSorted(([, a], [, b]) => b - a)
    .map(([plan, count]) => `  ${String(count).padStart(4)} x ${plan}`)
  return [
    '',
    'The same frames over the same link, from the camera and back:',
    '',
    textTable([head, ...body], 80),
    '',
    `late: more than ${toleranceMs} ms after the mean of local only. differ: best class not that of local only.`,
    `${summary.answered} of ${summary.requests} requests answered, ${summary.errors} errors. Edge slowed down ${summary.edgeSlowdown.toFixed(1)} times.`,
    `Agent's event loop: p99 delay ${summary.eventLoopP99Ms.toFixed(1)} ms.`,
    'Plans of surgeon:',
    ...plans,
  ].join('\n')
}

const rightAligned = new Set(['bytes', 'pred. ms', 'meas. ms'])

function line(cells: readonly string[]): string {
  return cells
    .map((cell, i) => {
      const [name, width] = columns[i]!
      const text = cell.length <= width ? cell : `${cell.slice(0, width - 1)}…`
      return rightAligned.has(name) ? text.padStart(width) : text.padEnd(width)
    })
    .join(' ')
    .trimEnd()
}
