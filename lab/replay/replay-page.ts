import { chartColours } from '../../src/charts/chart-frame.ts'
import { type ChartSeries, lineChart } from '../../src/charts/line-chart.ts'
import { chartPageStyle } from '../../src/charts/page-style.ts'
import { escapeMarkup } from '../../src/markup/escape-markup.ts'
import { planName } from '../../src/scheduler/plan-point.ts'
import type { PolicyRun, Replay } from './replay.ts'

export interface ReplayFacts {
  readonly title: string
  readonly said: string
  /** The first row names the columns. */
  readonly table: readonly (readonly (string | number)[])[]
  readonly lengthMs: number
}

/** The uplink is drawn as the mean over so many parts of its time. */
const parts = 200
/** Plans with a colour of their own; the rest are drawn as one. */
const namedPlans = chartColours.length - 1

/** What came of each request under each policy over the link's time, as one page that loads nothing. */
export function replayPage(replay: Replay, runs: readonly PolicyRun[], facts: ReplayFacts): string {
  const { title, said, table, lengthMs } = facts
  const [head = [], ...rows] = table
  const cells = (row: readonly (string | number)[], tag: 'th' | 'td') =>
    `<tr>${row.map((cell) => `<${tag}>${escapeMarkup(String(cell))}</${tag}>`).join('')}</tr>`
  const charts = [
    bandwidthChart(replay, lengthMs),
    ...runs.map((run) => policyChart(run, lengthMs, latencyDomain(runs))),
  ]
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeMarkup(title)}</title><style>${chartPageStyle}</style></head>
<body><h1>${escapeMarkup(title)}</h1>
<p>${escapeMarkup(said)}</p>
<div class="scroll"><table>${cells(head, 'th')}${rows.map((row) => cells(row, 'td')).join('')}</table></div>
${charts.map(({ svg, caption }) => `<figure>${svg}<figcaption>${escapeMarkup(caption)}</figcaption></figure>`).join('\n')}
</body></html>
`
}

interface Figure {
  readonly svg: string
  readonly caption: string
}

function bandwidthChart(replay: Replay, lengthMs: number): Figure {
  const stepMs = lengthMs / parts
  const points = Array.from({ length: parts }, (_, i) => ({
    x: ((i + 0.5) * stepMs) / 1000,
    y: replay.meanBps(i * stepMs, (i + 1) * stepMs) / 1e6,
  }))
  const most = Math.max(...points.map(({ y }) => y))
  return {
    svg: lineChart({
      title: 'Uplink',
      x: timeAxis(lengthMs),
      y: { title: 'Mbps', kind: 'linear', domain: [0, most] },
      series: [{ name: 'what it can carry', points, draw: 'line' }],
    }),
    caption: `The mean of each ${(stepMs / 1000).toFixed(1)} s.`,
  }
}

function policyChart({ policy, requests }: PolicyRun, lengthMs: number, domain: [number, number]): Figure {
  const byPlan = new Map<string, { x: number; y: number; label: string }[]>()
  let unanswered = 0
  for (const { arrival, trace, outcome } of requests) {
    if (outcome?.kind !== 'answered') {
      unanswered++
      continue
    }
    const plan = trace.plan === undefined ? 'none' : planName(trace.plan.chosen.point)
    const ms = trace.measured.totalMs
    const label = `${(arrival.atMs / 1000).toFixed(1)} s: ${ms.toFixed(0)} ms, ${plan}, finished at the ${outcome.finishedAt}`
    byPlan.set(plan, [...(byPlan.get(plan) ?? []), { x: arrival.atMs / 1000, y: ms, label }])
  }
  const plans = [...byPlan].toSorted(([, a], [, b]) => b.length - a.length)
  const others = plans.slice(namedPlans).flatMap(([, points]) => points)
  const series = plans
    .slice(0, namedPlans)
    .map(([name, points]): ChartSeries => ({ name: `${name} (${points.length})`, points, draw: 'dots' }))
  if (others.length > 0)
    series.push({ name: `others (${others.length})`, points: others, colour: namedPlans, draw: 'dots' })
  const title = `${policy.name}: each request and its plan`
  const y = { title: 'ms until the answer', kind: 'log', domain } as const
  return {
    svg: lineChart({ title, x: timeAxis(lengthMs), y, series }),
    caption: `${policy.name}: ${policy.summary}. ${unanswered === 0 ? 'All were answered.' : `${unanswered} of ${requests.length} were left out or never answered.`}`,
  }
}

function latencyDomain(runs: readonly PolicyRun[]): [number, number] {
  const times = runs.flatMap(({ requests }) =>
    requests.filter(({ outcome }) => outcome?.kind === 'answered').map(({ trace }) => trace.measured.totalMs),
  )
  if (times.length === 0) return [1, 1000]
  const [least, most] = times.reduce(
    ([low, high], ms) => [Math.min(low, ms), Math.max(high, ms)],
    [Infinity, 1],
  )
  return [Math.max(0.1, 0.8 * least), 1.2 * most]
}

function timeAxis(lengthMs: number) {
  return { title: 'seconds', kind: 'linear', domain: [0, lengthMs / 1000] } as const
}
