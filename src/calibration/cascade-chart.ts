import { escapeMarkup } from '../markup/escape-markup.ts'
import type { CascadeRow } from './cascade.ts'
import { line, text } from './svg-parts.ts'

const size = { width: 760, height: 460, left: 80, right: 30, top: 50, bottom: 60 }

/**
 * Share sent against what it brings, as an SVG picture: answers that are right or, without labels, that are the larger
 * model's. A point for each threshold, the chosen one filled; the larger model alone is dashed.
 */
export function cascadeChart(title: string, rows: readonly CascadeRow[], best: CascadeRow): string {
  const valueOf = ({ accuracy, agreement }: CascadeRow) => accuracy ?? agreement
  const isLabelled = rows[0]!.accuracy !== undefined
  const values = rows.map(valueOf)
  const low = Math.floor(100 * Math.min(...values) - 0.5) / 100
  const high = Math.min(1, Math.ceil(100 * Math.max(...values) + 0.5) / 100)
  const [right, bottom] = [size.width - size.right, size.height - size.bottom]
  const x = (sent: number) => size.left + (right - size.left) * sent
  const y = (value: number) => bottom - ((bottom - size.top) * (value - low)) / (high - low)
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${size.width}" height="${size.height}" fill="#ffffff"/>`,
    text(size.left, 26, escapeMarkup(title), 'font-size="16" font-weight="bold"'),
  ]
  for (let tenth = 0; tenth <= 10; tenth++) {
    const at = x(tenth / 10)
    parts.push(line(at, size.top, at, bottom, '#e4e4e4'))
    parts.push(text(at, bottom + 18, `${10 * tenth} %`, 'text-anchor="middle"'))
  }
  const step = Math.max(1, Math.ceil((100 * (high - low)) / 10))
  for (let percent = Math.round(100 * low); percent <= 100 * high + 1e-9; percent += step) {
    const at = y(percent / 100)
    parts.push(line(size.left, at, right, at, '#e4e4e4'))
    parts.push(text(size.left - 8, at + 4, `${percent} %`, 'text-anchor="end"'))
  }
  const middle = (size.top + bottom) / 2
  const what = isLabelled ? 'answered right' : 'answered as by the larger model'
  parts.push(
    text((size.left + right) / 2, bottom + 42, 'sent to the larger model', 'text-anchor="middle"'),
    text(20, middle, what, `text-anchor="middle" transform="rotate(-90 20 ${middle})"`),
  )
  const alone = y(valueOf(rows.at(-1)!))
  parts.push(
    `<line x1="${size.left}" y1="${alone}" x2="${right}" y2="${alone}" stroke="#d62728" stroke-dasharray="6 4"/>`,
  )
  const points = rows.map((row) => `${x(row.sent).toFixed(1)},${y(valueOf(row)).toFixed(1)}`)
  parts.push(`<polyline points="${points.join(' ')}" fill="none" stroke="#1f77b4" stroke-width="1.8"/>`)
  for (const [i, row] of rows.entries()) {
    const [cx, cy] = points[i]!.split(',')
    const words = `below ${row.below}: ${percents(row.sent)} sent, ${percents(valueOf(row))} ${what}`
    const fill = row === best ? '#1f77b4' : '#ffffff'
    parts.push(
      `<circle cx="${cx}" cy="${cy}" r="${row === best ? 6 : 3}" fill="${fill}" stroke="#1f77b4"><title>${words}</title></circle>`,
    )
  }
  return `${[...parts, '</svg>'].join('\n')}\n`
}

function percents(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
