import { scaleBand } from 'd3-scale'
import { escapeMarkup } from '../markup/escape-markup.ts'
import { type AxisSettings, at, chartColours, chartFrame, text } from './chart-frame.ts'

export interface BarChartSettings {
  readonly title: string
  readonly xTitle: string
  /** From 0. */
  readonly y: AxisSettings
  /** Names of the parts of each bar, from the axis up; with `beside` of the bars of each group. */
  readonly parts: readonly string[]
  readonly bars: readonly { readonly name: string; readonly values: readonly (number | undefined)[] }[]
  /** Parts stand beside each other and not on each other. */
  readonly beside?: boolean
  /** A level over the whole width. */
  readonly rule?: { readonly y: number; readonly name: string }
}

/** More bars than this have no names below them, only where the pointer rests. */
const mostNames = 12

/** Bars as SVG, their parts on or beside each other. */
export function barChart({ title, xTitle, y, parts, bars, beside = false, rule }: BarChartSettings): string {
  const colourOf = (i: number) => chartColours[i % chartColours.length]!
  const ruleColour = '#b3261e'
  const frame = chartFrame({
    title,
    x: { title: xTitle, kind: 'none' },
    y,
    legend: [
      ...parts.map((name, i) => ({ name, colour: colourOf(i), shape: 'box' as const })),
      ...(rule === undefined ? [] : [{ name: rule.name, colour: ruleColour, shape: 'dashed' as const }]),
    ],
  })
  const places = scaleBand(
    bars.map((_, i) => i),
    [frame.left, frame.right],
  ).padding(bars.length > 40 ? 0.1 : 0.25)
  const width = places.bandwidth()
  const marks = bars.flatMap(({ name, values }, i) => {
    const from = places(i)!
    let sum = 0
    const boxes = values.map((value, part) => {
      if (value === undefined) return ''
      const [low, high] = beside ? [0, value] : [sum, sum + value]
      sum = high
      const [y1, y2] = [frame.y(low), frame.y(high)]
      const x = beside ? from + (part * width) / values.length : from
      const share = beside ? width / values.length : width
      const tip = `${name}, ${parts[part]}: ${Number(value.toPrecision(3))}`
      return `<rect x="${at(x)}" y="${at(y2)}" width="${at(share)}" height="${at(y1 - y2)}" fill="${colourOf(part)}"><title>${escapeMarkup(tip)}</title></rect>`
    })
    const label =
      bars.length > mostNames ? [] : [text(from + width / 2, frame.bottom + 18, name, 'text-anchor="middle"')]
    return [...boxes, ...label]
  })
  if (rule !== undefined) {
    const level = at(frame.y(rule.y))
    marks.push(
      `<line x1="${frame.left}" x2="${frame.right}" y1="${level}" y2="${level}" stroke="${ruleColour}" stroke-width="2" stroke-dasharray="5 4"/>`,
    )
  }
  return frame.svg(marks)
}
