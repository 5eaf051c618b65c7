import { type LayerWork, layerWorks } from '../latency-model/layer-work.ts'
import type { LayerGraph } from '../model-graph/layer-graph.ts'

/** A part of the model that was measured as a whole. */
export interface TimedPart {
  /** Layer indices, in no other part. */
  readonly layers: readonly number[]
  readonly ms: number
}

/**
 * What each layer takes on a machine, in whole microseconds: within a measured part the predictions are stretched to add
 * up to what was measured, because that is what engines take for fused layers; elsewhere they stand as they are.
 * Input layers take nothing. O(layers).
 * @param predictMs For the works of one layer; at least 0.
 */
export function layerTimesUs(
  graph: LayerGraph,
  predictMs: (works: readonly LayerWork[]) => number,
  parts: readonly TimedPart[] = [],
): Float64Array {
  const predicted = layerWorks(graph).map((works) => (works.length === 0 ? 0 : 1000 * predictMs(works)))
  for (const { layers, ms } of parts) {
    const total = layers.reduce((sum, layer) => sum + predicted[layer]!, 0)
    for (const layer of layers) {
      predicted[layer] = total > 0 ? (predicted[layer]! * 1000 * ms) / total : (1000 * ms) / layers.length
    }
  }
  for (const id of graph.inputs) predicted[graph.tensors[id]!.producer] = 0
  return Float64Array.from(predicted, (us) => Math.round(us))
}
