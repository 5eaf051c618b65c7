import { barChart } from '../../../src/charts/bar-chart.ts'
import { lineChart } from '../../../src/charts/line-chart.ts'
import type { EngineTimes, ModelPoint } from '../model-tables.ts'
import { paddedLog, type ReportChart } from './chart-parts.ts'

/** Figure 6. */
export function enginesChart(engines: readonly EngineTimes[]): ReportChart {
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
export function accuracyChart(zoo: readonly ModelPoint[]): ReportChart {
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
