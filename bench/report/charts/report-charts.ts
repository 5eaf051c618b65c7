import type { EngineTimes, ModelPoint } from '../model-tables.ts'
import type { ChartFacts, ReportChart } from './chart-parts.ts'
import { accelerationChart, leastUplinkChart, uplinkChart } from './link-charts.ts'
import { accuracyChart, enginesChart } from './model-charts.ts'
import { firstRunChart, runsChart, timesChart } from './time-charts.ts'

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
