import { mean, quantile } from 'simple-statistics'
import { barChart } from '../../../src/charts/bar-chart.ts'
import { type ChartSeries, lineChart } from '../../../src/charts/line-chart.ts'
import {
  bestCoding,
  type ChartFacts,
  codingNames,
  logAxis,
  mbps,
  ms,
  numbered,
  type ReportChart,
  woundAxis,
} from './chart-parts.ts'

/** Figure 9 of the talk. */
export function timesChart({ figures, options }: ChartFacts): ReportChart {
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
export function runsChart({ edge, worker, edgeName, workerName, options }: ChartFacts): ReportChart {
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
export function firstRunChart({ figures }: ChartFacts): ReportChart {
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
