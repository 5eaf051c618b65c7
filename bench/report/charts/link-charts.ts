import { type ChartSeries, lineChart } from '../../../src/charts/line-chart.ts'
import { type Coding, codings, type FigureOptions, transferMs } from '../wound-figures.ts'
import {
  byCoding,
  type ChartFacts,
  codingNames,
  colours,
  kilobytes,
  logAxis,
  mbps,
  ms,
  type ReportChart,
  woundAxis,
} from './chart-parts.ts'

/** Figure 13. */
export function accelerationChart({ figures, options }: ChartFacts): ReportChart {
  const { wounds, baseline } = figures
  const series: ChartSeries[] = [
    ...byCoding(wounds, ({ acceleration }) => acceleration),
    {
      name: 'input as JPEG',
      draw: 'rule',
      colour: colours.jpeg,
      points: [{ x: 1, y: baseline.acceleration }],
    },
    { name: 'the edge alone', draw: 'rule', colour: colours.edge, points: [{ x: 1, y: 1 }] },
  ]
  return {
    file: 'acceleration',
    caption: `How many times faster than the edge alone each cut answers at ${mbps(options.link.uplinkBps)} Mbps. The talk left out the line that matters: sending the picture itself, ${kilobytes(options.inputBytes)} of JPEG, is ${baseline.acceleration.toPrecision(2)} times as fast as the edge alone.`,
    svg: lineChart({
      title: 'Acceleration at each wound',
      x: woundAxis(wounds),
      y: logAxis(
        'times as fast',
        series.flatMap(({ points }) => points.map(({ y }) => y)),
      ),
      series,
    }),
  }
}

/** Figure 14. */
export function leastUplinkChart({ figures, options }: ChartFacts): ReportChart {
  const { wounds, baseline } = figures
  const toMbps = (bps: number | undefined) => (bps === undefined ? undefined : bps / 1e6)
  const series: ChartSeries[] = [
    ...byCoding(wounds, ({ leastBps }) => ({
      float32: toMbps(leastBps.float32),
      uint8: toMbps(leastBps.uint8),
      calibrated: toMbps(leastBps.calibrated),
    })),
    ...(baseline.leastBps === undefined
      ? []
      : [
          {
            name: 'input as JPEG',
            draw: 'rule' as const,
            colour: colours.jpeg,
            points: [{ x: 1, y: baseline.leastBps / 1e6 }],
          },
        ]),
    {
      name: 'this link',
      draw: 'rule',
      colour: colours.link,
      points: [{ x: 1, y: options.link.uplinkBps / 1e6 }],
    },
  ]
  return {
    file: 'least-uplink',
    caption:
      'The uplink from which on a cut is no slower than the edge alone. A wound that is missing is slower over any link: what it saves on the edge is less than round trip, answer and tail.',
    svg: lineChart({
      title: 'The least uplink for each wound',
      x: woundAxis(wounds),
      y: logAxis(
        'Mbps',
        series.flatMap(({ points }) => points.map(({ y }) => y)),
      ),
      series,
    }),
  }
}

/** Figure 15, over all links. */
export function uplinkChart({ figures, options }: ChartFacts): ReportChart {
  const { wounds, edgeMs, workerMs } = figures
  const links = Array.from({ length: 61 }, (_, i) => 0.1 * 10 ** (i / 20))
  const at = (uplinkMbps: number): FigureOptions => ({
    ...options,
    link: { ...options.link, uplinkBps: 1e6 * uplinkMbps },
  })
  const best = (coding: Coding) =>
    links.flatMap((x) => {
      const totals = wounds.flatMap(({ wound, headMs, tailMs, bytes }) => {
        const sent = bytes[coding]
        return sent === undefined ? [] : [{ wound, y: headMs + transferMs(sent, at(x)) + tailMs }]
      })
      const least = totals.toSorted((one, other) => one.y - other.y)[0]
      return least === undefined
        ? []
        : [{ x, y: least.y, label: `${x.toPrecision(3)} Mbps: ${least.wound}, ${ms(least.y)}` }]
    })
  const series: ChartSeries[] = [
    ...codings.map((coding) => ({
      name: `best cut, ${codingNames[coding]}`,
      colour: colours[coding],
      draw: 'line' as const,
      points: best(coding),
    })),
    {
      name: 'input as JPEG',
      colour: colours.jpeg,
      draw: 'dashed' as const,
      points: links.map((x) => ({
        x,
        y: transferMs(options.inputBytes, at(x)) + options.inputDecodeMs + workerMs,
      })),
    },
    { name: 'the edge alone', draw: 'rule' as const, colour: colours.edge, points: [{ x: 1, y: edgeMs }] },
  ].filter(({ points }) => points.length > 0)
  const shown = series.flatMap(({ points }) => points.map(({ y }) => y)).filter((y) => y < 20 * edgeMs)
  return {
    file: 'uplink',
    caption:
      'What answers soonest over which link: the best cut in each codec, the picture as it is, the edge alone. The lowest line is what a request that is alone gets.',
    svg: lineChart({
      title: 'Time until the answer over the uplink',
      x: { title: 'Mbps up', kind: 'log', domain: [0.1, 100] },
      y: logAxis('ms', shown),
      series,
      marker: { x: options.link.uplinkBps / 1e6, name: 'this link' },
    }),
  }
}
