import { escapeMarkup } from '../markup/escape-markup.ts'
import { type AxisSettings, at, chartColours, chartFrame, type Frame, text } from './chart-frame.ts'

export interface ChartPoint {
  readonly x: number
  readonly y: number
  /** Shown where the pointer rests. */
  readonly label?: string
}

export interface ChartSeries {
  readonly name: string
  readonly points: readonly ChartPoint[]
  /** Index of `chartColours`, so that one thing has one colour in every chart; its place otherwise. */
  readonly colour?: number
  /** Labels stand beside the points. */
  readonly named?: boolean
  /** `line` joins the points; `dots` does not; `rule` is one level over the whole width. */
  readonly draw: 'line' | 'dashed' | 'dots' | 'rule'
}

export interface LineChartSettings {
  readonly title: string
  readonly x: AxisSettings
  readonly y: AxisSettings
  readonly series: readonly ChartSeries[]
  /** A vertical line with a name. */
  readonly marker?: { readonly x: number; readonly name: string }
}

/** A line of more points has no dots. */
const mostDots = 100

/** Series over two axes as SVG. Points that the axes do not have are left out, and lines end there. */
export function lineChart({ title, x, y, series, marker }: LineChartSettings): string {
  const shapes = { line: 'line', dashed: 'dashed', dots: 'dot', rule: 'dashed' } as const
  const frame = chartFrame({
    title,
    x,
    y,
    legend: series.map(({ name, draw, colour }, i) => ({
      name,
      colour: colourOf(colour ?? i),
      shape: shapes[draw],
    })),
  })
  const isInside = (point: ChartPoint) => isWithin(point.x, x) && isWithin(point.y, y)
  const marks = series.flatMap(({ points, draw, named = false, colour: index }, i) => {
    const colour = colourOf(index ?? i)
    if (draw === 'rule') {
      const level = points[0]?.y
      if (level === undefined || !isWithin(level, y)) return []
      return [stroke([`M${at(frame.left)} ${at(frame.y(level))}H${at(frame.right)}`], colour, true)]
    }
    const dots = points.filter(isInside).map(({ label, ...point }) => {
      const tip = label === undefined ? '' : `<title>${escapeMarkup(label)}</title>`
      return `<circle cx="${at(frame.x(point.x))}" cy="${at(frame.y(point.y))}" r="${draw === 'dots' ? 3 : 2.4}" fill="${colour}"${draw === 'dots' ? ' fill-opacity=".85"' : ''}>${tip}</circle>`
    })
    if (draw === 'dots') {
      const names = points.filter(isInside).map((point) => nameBeside(frame, point))
      return named ? [...dots, ...names] : dots
    }
    const runs: string[] = []
    let isDrawing = false
    for (const point of points) {
      const inside = isInside(point)
      if (inside) runs.push(`${isDrawing ? 'L' : 'M'}${at(frame.x(point.x))} ${at(frame.y(point.y))}`)
      isDrawing = inside
    }
    return [stroke(runs, colour, draw === 'dashed'), ...(points.length <= mostDots ? dots : [])]
  })
  if (marker !== undefined) {
    const place = frame.x(marker.x)
    marks.push(
      `<line class="marker" x1="${at(place)}" x2="${at(place)}" y1="${frame.top}" y2="${frame.bottom}"/>`,
      text(place + 5, frame.top + 12, marker.name),
    )
  }
  return frame.svg(marks)
}

/** To the left of a point that is near the right edge. */
function nameBeside(frame: Frame, { x, y, label = '' }: ChartPoint): string {
  const place = frame.x(x)
  const isRight = place > (frame.left + 2 * frame.right) / 3
  return text(place + (isRight ? -8 : 8), frame.y(y) + 4, label, isRight ? 'text-anchor="end"' : '')
}

function stroke(path: readonly string[], colour: string, dashed: boolean): string {
  return `<path d="${path.join('')}" fill="none" stroke="${colour}" stroke-width="2"${dashed ? ' stroke-dasharray="5 4"' : ''}/>`
}

function colourOf(i: number): string {
  return chartColours[i % chartColours.length]!
}

function isWithin(value: number, { kind, domain: [low, high] }: AxisSettings): boolean {
  return Number.isFinite(value) && value >= low && value <= high && (kind === 'linear' || value > 0)
}
