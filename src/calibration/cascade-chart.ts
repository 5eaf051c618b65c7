import { lineChart } from '../charts/line-chart.ts'
import { standaloneSvg } from '../charts/standalone-svg.ts'
import type { CascadeRow } from './cascade.ts'

/**
 * Share sent against what it brings, as an SVG picture: answers that are right or, without labels, that are the larger
 * model's. A point for each threshold; the chosen one is marked, and the larger model alone is the dashed level.
 */
export function cascadeChart(title: string, rows: readonly CascadeRow[], best: CascadeRow): string {
  const valueOf = ({ accuracy, agreement }: CascadeRow) => 100 * (accuracy ?? agreement)
  const what = rows[0]!.accuracy === undefined ? "the larger model's answer" : 'answered right'
  const values = rows.map(valueOf)
  const percent = (value: number) => `${value} %`
  const points = rows.map((row) => ({
    x: 100 * row.sent,
    y: valueOf(row),
    label: `below ${row.below}: ${(100 * row.sent).toFixed(1)} % sent, ${valueOf(row).toFixed(1)} % ${what}`,
  }))
  const chart = lineChart({
    title,
    x: { title: 'sent to the larger model', kind: 'linear', domain: [0, 100], format: percent },
    y: {
      title: what,
      kind: 'linear',
      domain: [Math.floor(Math.min(...values) - 0.5), Math.min(100, Math.ceil(Math.max(...values) + 0.5))],
      format: percent,
    },
    series: [
      { name: 'both models', points, draw: 'line' },
      { name: 'the larger model alone', points: points.slice(-1), draw: 'rule' },
    ],
    marker: { x: 100 * best.sent, name: `below ${best.below}` },
  })
  return standaloneSvg(chart)
}
