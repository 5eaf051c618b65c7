import { LayerRegression } from '../latency-model/layer-regression.ts'
import type { LayerWork } from '../latency-model/layer-work.ts'
import type { LayerGraph } from '../model-graph/layer-graph.ts'
import { crossingOptions } from './crossing-options.ts'
import { layerTimesUs } from './layer-times.ts'
import type { PlanCosts, Prices } from './plan-costs.ts'

const nominal = new LayerRegression()
const nominalMs = (works: readonly LayerWork[]) => nominal.predictMs(works, 0)

/** A hundred times the nominal arithmetic and 25 times the memory, but each layer costs a launch, as on a graphics card. */
function launchedMs(works: readonly LayerWork[]): number {
  return works.reduce(
    (sum, { operations, bytesMoved, weightBytes }) =>
      sum + 0.05 + operations / 1e9 + (bytesMoved + weightBytes) / 1e8,
    0,
  )
}

/**
 * What a model's plans are made of for two pairs of machines, where nothing is measured: machines alike, for which a
 * head is worth its time only where less crosses behind it, and an edge that some layers are quicker on.
 */
export function referenceCosts(graph: LayerGraph): readonly PlanCosts[] {
  const edgeUs = layerTimesUs(graph, nominalMs)
  const crossings = crossingOptions(graph)
  return [nominalMs, launchedMs].map((backendMs) => ({
    edgeUs,
    backendUs: layerTimesUs(graph, backendMs),
    crossings,
  }))
}

/** What an answer from elsewhere takes beside all that is priced: two ways through a broker, one of them over radio. */
const leastRemoteUs = 10_000

/**
 * Prices that lie evenly over all that may be met: the backend 100 times faster to 100 times slower than its nominal, 0.03
 * to 300 Mbps. They are the same on every machine.
 * Source: the additive recurrence R2 of M. Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018.
 */
export function spreadPrices(count: number): Prices[] {
  return Array.from({ length: count }, (_, i) => {
    const [one, other] = [((i + 1) * 0.7548776662466927) % 1, ((i + 1) * 0.5698402909980532) % 1]
    const [backend, mbps] = [10 ** (4 * one - 2), 10 ** (4 * other - 1.5)]
    return { edge: 1, backend, uplink: 8 / mbps, perTensor: 0, remote: leastRemoteUs }
  })
}
