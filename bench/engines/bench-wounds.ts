import type { LayerGraph } from '../../src/model-graph/layer-graph.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import type { Wound } from '../../src/model-graph/wound.ts'
import { crossingShapes, plannedWounds } from '../../src/scheduler/candidate-wounds.ts'

/**
 * Wounds to measure a model at: those the planner may choose and, up to `count`, those where the work divides evenly:
 * near each share of the operations the wound over which least crosses, behind what engines fuse. From the smallest
 * head to the largest.
 */
export function benchWounds(graph: LayerGraph, count: number): Wound[] {
  const all = singleWounds(graph)
  const chosen = new Map(
    plannedWounds(graph)
      .slice(1, -1)
      .map((wound) => [wound.id, wound]),
  )
  const operations = (layers: readonly number[]) =>
    layers.reduce((sum, layer) => sum + graph.layers[layer]!.operations, 0)
  const total = operations(graph.layers.map(({ index }) => index))
  const shares = all.slice(1, -1).map((wound) => ({
    wound,
    share: operations(wound.head) / total,
    values: crossingShapes(graph, wound).reduce((sum, { elements }) => sum + elements, 0),
  }))
  for (let n = count; n >= 1 && chosen.size < count; n--) {
    const target = n / (count + 1)
    const near = shares.filter(
      ({ share, wound }) => Math.abs(share - target) <= 0.5 / (count + 1) && !chosen.has(wound.id),
    )
    const least = Math.min(...near.map(({ values }) => values))
    const found = near.findLast(({ values }) => values === least)
    if (found !== undefined) chosen.set(found.wound.id, found.wound)
  }
  return [...chosen.values()].toSorted((a, b) => a.head.length - b.head.length)
}
