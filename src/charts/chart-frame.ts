import { scaleLinear, scaleLog } from 'd3-scale'
import { escapeMarkup } from '../markup/escape-markup.ts'

/** One axis: what it shows, from where to where. */
export interface AxisSettings {
  readonly title: string
  readonly kind: 'linear' | 'log'
  /** Above 0 where the axis is logarithmic. */
  readonly domain: readonly [number, number]
  readonly format?: (value: number) => string
}

export interface FrameSettings {
  readonly title: string
  readonly x: AxisSettings | { readonly title: string; readonly kind: 'none' }
  readonly y: AxisSettings
  readonly legend: readonly LegendEntry[]
}

export interface LegendEntry {
  readonly name: string
  readonly colour: string
  readonly shape: 'line' | 'dashed' | 'dot' | 'box'
}

export interface Frame {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
  readonly x: (value: number) => number
  readonly y: (value: number) => number
  /** The whole picture, with what is drawn on it. */
  readonly svg: (marks: readonly string[]) => string
}

const chartWidth = 760
const height = 400
const left = 74
const top = 46
const bottom = 60
const legendLine = 18

/** Told apart by people who see no red or green as well (Okabe and Ito, 2008). */
export const chartColours = [
  '#1f84c4',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#888888',
] as const

/** Title, axes, grid and legend, below which the legend stands, so that names may be long. */
export function chartFrame({ title, x, y, legend }: FrameSettings): Frame {
  const right = chartWidth - 16
  const legendRows = rowsOf(legend)
  const total = height + legendLine * legendRows.length
  const floor = height - bottom
  const scaleX = x.kind === 'none' ? scaleLinear([0, 1], [left, right]) : scaleOf(x, [left, right])
  const scaleY = scaleOf(y, [floor, top])
  const parts = [
    text(left, 24, title, 'class="title"'),
    ...ticksOf(y).flatMap((value) => [
      `<line class="grid" x1="${left}" x2="${right}" y1="${at(scaleY(value))}" y2="${at(scaleY(value))}"/>`,
      text(left - 8, scaleY(value) + 4, formatted(y, value), 'text-anchor="end"'),
    ]),
    ...(x.kind === 'none'
      ? []
      : ticksOf(x).flatMap((value) => [
          `<line class="grid" x1="${at(scaleX(value))}" x2="${at(scaleX(value))}" y1="${top}" y2="${floor}"/>`,
          text(scaleX(value), floor + 18, formatted(x, value), 'text-anchor="middle"'),
        ])),
    `<line class="axis" x1="${left}" x2="${right}" y1="${floor}" y2="${floor}"/>`,
    text((left + right) / 2, floor + 40, x.title, 'text-anchor="middle"'),
    `<text transform="translate(18 ${(top + floor) / 2}) rotate(-90)" text-anchor="middle">${escapeMarkup(y.title)}</text>`,
    ...legendRows.flatMap((row, i) =>
      row.map(({ entry, from }) => legendMark(entry, from, height + legendLine * i)),
    ),
  ]
  return {
    left,
    right,
    top,
    bottom: floor,
    x: (value) => scaleX(value),
    y: (value) => scaleY(value),
    svg: (marks) =>
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${chartWidth} ${total}" role="img" aria-label="${escapeMarkup(title)}">${[...parts, ...marks].join('\n')}</svg>`,
  }
}

export function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${at(x)}" y="${at(y)}"${attributes === '' ? '' : ` ${attributes}`}>${escapeMarkup(content)}</text>`
}

/** A coordinate with the digits that can be seen. */
export function at(value: number): string {
  return value.toFixed(1)
}

function scaleOf(
  { kind, domain }: AxisSettings,
  range: readonly [number, number],
): (value: number) => number {
  const scale = kind === 'log' ? scaleLog(domain, range).clamp(true) : scaleLinear(domain, range).clamp(true)
  return (value) => scale(value)
}

/** Of a logarithmic axis 1, 2 and 5 of each decade, or the decades alone where these are many. */
function ticksOf({ kind, domain }: AxisSettings): number[] {
  if (kind === 'linear') return scaleLinear(domain, [0, 1]).ticks(6)
  const [low, high] = domain
  const decades = Math.log10(high / low)
  const steps = decades > 4 ? [1] : decades > 2.5 ? [1, 3] : [1, 2, 5]
  const first = Math.floor(Math.log10(low))
  return Array.from({ length: Math.ceil(decades) + 2 }, (_, i) =>
    steps.map((step) => step * 10 ** (first + i)),
  )
    .flat()
    .filter((value) => value >= low * 0.999 && value <= high * 1.001)
}

function formatted({ format }: AxisSettings, value: number): string {
  return format === undefined ? String(Number(value.toPrecision(6))) : format(value)
}

/** Entries beside each other as far as they fit; a character is some 6.3 wide. */
function rowsOf(legend: readonly LegendEntry[]): { entry: LegendEntry; from: number }[][] {
  const rows: { entry: LegendEntry; from: number }[][] = []
  let from = Infinity
  for (const entry of legend) {
    const width = 40 + 6.6 * entry.name.length
    if (from + width > chartWidth - 16) {
      rows.push([])
      from = left
    }
    rows.at(-1)!.push({ entry, from })
    from += width
  }
  return rows
}

function legendMark({ name, colour, shape }: LegendEntry, from: number, y: number): string {
  const mark =
    shape === 'dot'
      ? `<circle cx="${at(from + 10)}" cy="${at(y)}" r="4" fill="${colour}"/>`
      : shape === 'box'
        ? `<rect x="${at(from + 3)}" y="${at(y - 6)}" width="14" height="12" fill="${colour}"/>`
        : `<line x1="${at(from)}" x2="${at(from + 20)}" y1="${at(y)}" y2="${at(y)}" stroke="${colour}" stroke-width="2.5"${shape === 'dashed' ? ' stroke-dasharray="5 4"' : ''}/>`
  return `${mark}${text(from + 26, y + 4, name)}`
}
