import { mean, quantile } from 'simple-statistics'
import { barChart } from '../../src/charts/bar-chart.ts'
import type { AxisSettings } from '../../src/charts/chart-frame.ts'
import { type ChartSeries, lineChart } from '../../src/charts/line-chart.ts'
import type { MeasuredRuns } from './measured-runs.ts'
import type { EngineTimes, ModelPoint } from './model-tables.ts'
import {
  type Coding,
  codings,
  type FigureOptions,
  type ReportFigures,
  transferMs,
  type WoundFigure,
} from './wound-figures.ts'

/** A chart with what is to be said of it. */
export interface ReportChart {
  readonly file: string
  readonly svg: string
  readonly caption: string
}

export interface ChartFacts {
  readonly edge: MeasuredRuns
  readonly worker: MeasuredRuns
  readonly figures: ReportFigures
  readonly options: FigureOptions
  readonly edgeName: string
  readonly workerName: string
}

/** One colour in every chart. */
const colours = { float32: 0, uint8: 1, calibrated: 2, jpeg: 3, edge: 4, link: 6 } as const

const codingNames: Readonly<Record<Coding, string>> = {
  float32: 'as float32, as in the talk',
  uint8: 'as uint8',
  calibrated: 'calibrated codec',
}

/** In the order of the report. */
export function reportCharts(
  facts: ChartFacts,
  engines: readonly EngineTimes[],
  zoo: readonly ModelPoint[],
): ReportChart[] {
  return [
    timesChart(facts),
    runsChart(facts),
    firstRunChart(facts),
    accelerationChart(facts),
    leastUplinkChart(facts),
    uplinkChart(facts),
    ...(engines.length === 0 ? [] : [enginesChart(engines)]),
    accuracyChart(zoo),
  ]
}

/** Figure 9 of the talk. */
function timesChart({ figures, options }: ChartFacts): ReportChart {
  const { wounds, edgeMs, workerMs } = figures
  const coding = bestCoding(wounds)
  const parts = ['head on the edge', `crossing ${codingNames[coding]}, and answer`, 'tail at the worker']
  const shown = wounds.filter(({ transferMs }) => transferMs[coding] !== undefined)
  // A few early wounds of huge tensors must not flatten all others.
  const most = Math.min(
    Math.max(...shown.map(({ totalMs }) => totalMs[coding]!)),
    3 * Math.max(edgeMs, workerMs),
  )
  return {
    file: 'times',
    caption: `Where the time goes when the model is cut behind each layer, at ${mbps(options.link.uplinkBps)} Mbps up. What stays below the line is faster than the edge alone (${ms(edgeMs)}); the worker alone computes ${ms(workerMs)}. Bars that are cut off at the top take longer than is drawn.`,
    svg: barChart({
      title: 'Surgery at each wound against the edge alone',
      xTitle: `wounds, from the input to the output (${shown.length})`,
      y: { title: 'ms', kind: 'linear', domain: [0, 1.05 * Math.max(most, edgeMs)] },
      parts,
      bars: shown.map(({ wound, headMs, tailMs, transferMs }) => ({
        name: wound,
        values: [headMs, transferMs[coding]!, tailMs],
      })),
      rule: { y: edgeMs, name: 'the edge alone' },
    }),
  }
}

/** Figure 10. */
function runsChart({ edge, worker, edgeName, workerName, options }: ChartFacts): ReportChart {
  const machines = [
    { name: `${edgeName} (edge)`, times: edge.wholeMs.map((time) => time * options.edgeFactor) },
    { name: `${workerName} (worker)`, times: worker.wholeMs },
  ]
  const all = machines.flatMap(({ times }) => times)
  const spread = machines.map(({ name, times }) => {
    const later = times.slice(1)
    const [low, high] = [quantile(later, 0.05), quantile(later, 0.95)]
    return `${name}: first run ${ms(times[0]!)}, then ${ms(mean(later))} on average, 90 % between ${ms(low)} and ${ms(high)}`
  })
  return {
    file: 'runs',
    caption: `The whole model, run after run. ${spread.join('; ')}.`,
    svg: lineChart({
      title: 'Spread over the runs',
      x: { title: 'run', kind: 'linear', domain: [0, edge.wholeMs.length + 1] },
      y: logAxis('ms', all),
      series: machines.map(({ name, times }) => ({
        name,
        draw: 'dots',
        points: times.map((time, i) => ({ x: i + 1, y: time, label: `run ${i + 1}: ${ms(time)}` })),
      })),
    }),
  }
}

/** Figure 12. */
function firstRunChart({ figures }: ChartFacts): ReportChart {
  const { wounds } = figures
  const series: ChartSeries[] = [
    {
      name: 'first run of the head',
      draw: 'dots',
      points: numbered(wounds, ({ firstHeadMs }) => firstHeadMs),
    },
    { name: 'mean of the others', draw: 'line', points: numbered(wounds, ({ laterHeadMs }) => laterHeadMs) },
  ]
  return {
    file: 'first-run',
    caption:
      'What the head takes on the edge: the first run after it is compiled, and the mean of the others. An agent runs every segment before it says that it is online.',
    svg: lineChart({
      title: 'The first run against the others',
      x: woundAxis(wounds),
      y: logAxis(
        'ms',
        series.flatMap(({ points }) => points.map(({ y }) => y)),
      ),
      series,
    }),
  }
}

/** Figure 13. */
function accelerationChart({ figures, options }: ChartFacts): ReportChart {
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
function leastUplinkChart({ figures, options }: ChartFacts): ReportChart {
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
function uplinkChart({ figures, options }: ChartFacts): ReportChart {
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

/** Figure 6. */
function enginesChart(engines: readonly EngineTimes[]): ReportChart {
  const models = [...new Set(engines.flatMap(({ times }) => times.map(({ model }) => model)))]
  const most = Math.max(...engines.flatMap(({ times }) => times.map(({ wholeMs }) => wholeMs)))
  return {
    file: 'engines',
    caption: 'The whole model by each engine that runs on this machine, one thread, a process for each.',
    svg: barChart({
      title: 'Engines',
      xTitle: 'model',
      y: { title: 'ms', kind: 'linear', domain: [0, 1.05 * most] },
      parts: engines.map(({ engine }) => engine),
      bars: models.map((name) => ({
        name,
        values: engines.map(({ times }) => times.find(({ model }) => model === name)?.wholeMs),
      })),
      beside: true,
    }),
  }
}

/** Figure 7. */
function accuracyChart(zoo: readonly ModelPoint[]): ReportChart {
  const sizes = zoo.map(({ parameters }) => parameters / 1e6)
  return {
    file: 'accuracy',
    caption: 'Published accuracy (first guess, ImageNet) against size, of the models of the zoo.',
    svg: lineChart({
      title: 'Accuracy against size',
      x: { title: 'million parameters', kind: 'log', domain: paddedLog(sizes) },
      y: { title: 'first guess right, %', kind: 'linear', domain: [68, 84] },
      series: [
        {
          name: 'first guess right',
          draw: 'dots',
          named: true,
          points: zoo.map(({ title, parameters, top1 }) => ({ x: parameters / 1e6, y: top1, label: title })),
        },
      ],
    }),
  }
}

function byCoding(
  wounds: readonly WoundFigure[],
  read: (wound: WoundFigure) => Readonly<Record<Coding, number | undefined>>,
): ChartSeries[] {
  return codings
    .map(
      (coding): ChartSeries => ({
        name: codingNames[coding],
        colour: colours[coding],
        draw: coding === 'calibrated' ? 'dots' : 'line',
        points: numbered(wounds, (wound) => read(wound)[coding]),
      }),
    )
    .filter(({ points }) => points.some(({ y }) => Number.isFinite(y)))
}

/** By place in the model; what is not there is not a number, and breaks the line. */
function numbered(wounds: readonly WoundFigure[], read: (wound: WoundFigure) => number | undefined) {
  return wounds.map((wound, i) => {
    const y = read(wound) ?? Number.NaN
    return { x: i + 1, y, label: `${wound.wound}: ${Number(y.toPrecision(3))}` }
  })
}

function woundAxis(wounds: readonly WoundFigure[]): AxisSettings {
  return {
    title: 'wound, from the input to the output',
    kind: 'linear',
    domain: [0, wounds.length + 1],
    format: String,
  }
}

function logAxis(title: string, values: readonly number[]): AxisSettings {
  return { title, kind: 'log', domain: paddedLog(values) }
}

/** A tenth more at both ends. */
function paddedLog(values: readonly number[]): [number, number] {
  const known = values.filter((value) => Number.isFinite(value) && value > 0)
  return [0.85 * Math.min(...known), 1.18 * Math.max(...known)]
}

/** The narrowest that every wound has. */
function bestCoding(wounds: readonly WoundFigure[]): Coding {
  return wounds.every(({ bytes }) => bytes.calibrated !== undefined) ? 'calibrated' : 'uint8'
}

function ms(value: number): string {
  return `${Number(value.toPrecision(3))} ms`
}

function mbps(bps: number): string {
  return String(Number((bps / 1e6).toPrecision(3)))
}

function kilobytes(bytes: number): string {
  return `${Number((bytes / 1000).toPrecision(3))} kB`
}
