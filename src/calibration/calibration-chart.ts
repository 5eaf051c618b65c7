import type { CalibrationRow } from '../codec/calibration-file.ts'
import { escapeMarkup } from '../markup/escape-markup.ts'

const size = { width: 940, height: 560, left: 70, right: 300, top: 50, bottom: 60 }
const colours = [
  '#1f77b4',
  '#d62728',
  '#2ca02c',
  '#9467bd',
  '#ff7f0e',
  '#17becf',
  '#8c564b',
  '#e377c2',
  '#555555',
]

interface Series {
  readonly name: string
  readonly colour: string
  readonly dashed: boolean
  readonly points: readonly CalibrationRow[]
}

/**
 * Bytes against agreement as an SVG picture: a line for every wound and family of codecs; those of the input itself
 * (JPEG, WebP) are dashed. The axis of bytes is logarithmic, that of disagreement too, because halving either is
 * as much worth anywhere.
 */
export function calibrationChart(title: string, rows: readonly CalibrationRow[]): string {
  const series = seriesOf(rows)
  const all = series.flatMap(({ points }) => points)
  const low = 10 ** Math.floor(Math.log10(Math.min(...all.map(({ bytesMean }) => bytesMean)) * 1.0001))
  const high = 10 ** Math.ceil(Math.log10(Math.max(...all.map(({ bytesMean }) => bytesMean))))
  const right = size.width - size.right
  const bottom = size.height - size.bottom
  const x = (bytes: number) =>
    size.left + ((right - size.left) * Math.log(bytes / low)) / Math.log(high / low)
  const worst = 0.3
  const best = 0.002
  const y = (agreement: number) => {
    const miss = Math.min(worst, Math.max(best, 1 - agreement))
    return size.top + ((bottom - size.top) * Math.log(miss / best)) / Math.log(worst / best)
  }
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${size.width}" height="${size.height}" fill="#ffffff"/>`,
    text(
      size.left,
      26,
      `${escapeMarkup(title)}: bytes against agreement`,
      'font-size="16" font-weight="bold"',
    ),
  ]
  for (let decade = low; decade <= high; decade *= 10) {
    for (const factor of [1, 2, 5]) {
      const bytes = decade * factor
      if (bytes > high) continue
      parts.push(line(x(bytes), size.top, x(bytes), bottom, '#e4e4e4'))
      parts.push(
        text(
          x(bytes),
          bottom + 18,
          bytes < 1000 ? `${bytes} B` : `${bytes / 1000} kB`,
          'text-anchor="middle"',
        ),
      )
    }
  }
  for (const percent of [70, 80, 90, 95, 98, 99, 99.5]) {
    const at = y(percent / 100)
    parts.push(
      line(size.left, at, right, at, '#e4e4e4'),
      text(size.left - 8, at + 4, `${percent} %`, 'text-anchor="end"'),
    )
  }
  parts.push(
    text(size.left - 8, y(1) + 4, '100 %', 'text-anchor="end"'),
    line(size.left, y(1), right, y(1), '#e4e4e4'),
  )
  parts.push(
    text((size.left + right) / 2, bottom + 42, 'mean bytes per image (logarithmic)', 'text-anchor="middle"'),
  )
  const middle = (size.top + bottom) / 2
  parts.push(
    text(
      18,
      middle,
      'same answer as without codec',
      `text-anchor="middle" transform="rotate(-90 18 ${middle})"`,
    ),
  )
  for (const [i, { name, colour, dashed, points }] of series.entries()) {
    const path = points
      .map((row) => `${x(row.bytesMean).toFixed(1)},${y(row.agreement).toFixed(1)}`)
      .join(' ')
    const dash = dashed ? ' stroke-dasharray="6 4"' : ''
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.8"${dash}/>`)
    for (const row of points) {
      const label = `${row.wound} ${row.codec}: ${row.bytesMean} B, ${(100 * row.agreement).toFixed(1)} %`
      parts.push(
        `<circle cx="${x(row.bytesMean).toFixed(1)}" cy="${y(row.agreement).toFixed(1)}" r="3" fill="${colour}"><title>${escapeMarkup(label)}</title></circle>`,
      )
    }
    const at = size.top + 10 + 22 * i
    parts.push(
      `<line x1="${right + 16}" y1="${at}" x2="${right + 44}" y2="${at}" stroke="${colour}" stroke-width="2.5"${dash}/>`,
    )
    parts.push(text(right + 50, at + 4, escapeMarkup(name)))
  }
  return `${[...parts, '</svg>'].join('\n')}\n`
}

/** Of each wound and family the rows that need more bytes for more agreement, by bytes. */
function seriesOf(rows: readonly CalibrationRow[]): Series[] {
  const families = new Map<string, CalibrationRow[]>()
  for (const row of rows) {
    if (
      row.codec === 'received' ||
      row.codec === 'raw' ||
      row.codec.includes('@') ||
      row.codec === 'float16' ||
      row.codec === 'uint8'
    )
      continue
    const family = /^q\d/.test(row.codec)
      ? row.codec.endsWith('c')
        ? undefined
        : 'codes'
      : row.codec.split(':')[0]
    if (family === undefined) continue
    const name = row.wound === 'input' ? `input, ${family}` : `${row.wound}, ${family}`
    families.set(name, [...(families.get(name) ?? []), row])
  }
  return [...families].map(([name, points], i) => ({
    name,
    colour: colours[i % colours.length]!,
    dashed: name.startsWith('input'),
    points: points.toSorted((a, b) => a.bytesMean - b.bytesMean),
  }))
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x}" y="${y}" ${attributes}>${content}</text>`
}

function line(x1: number, y1: number, x2: number, y2: number, stroke: string): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${stroke}"/>`
}
