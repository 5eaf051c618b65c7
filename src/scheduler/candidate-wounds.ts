import { valuesPerEncodedByte } from '../frontier/crossing-options.ts'
import { findWound } from '../model-graph/find-wound.ts'
import { borderShape, elementsOf, type LayerGraph } from '../model-graph/layer-graph.ts'
import { tensorsToRiders } from '../model-graph/riders.ts'
import { bestRingWounds } from '../model-graph/ring-wounds.ts'
import { singleWounds } from '../model-graph/single-wounds.ts'
import type { Wound } from '../model-graph/wound.ts'
import { woundFromHead } from '../model-graph/wound-from-head.ts'
import { completedChain, nest } from './completed-chain.ts'

/** How many segments a model is divided into at most: every border costs a copy and a call. */
const maximumSegments = 6

/**
 * The wounds that a planner can choose, of one tensor or several, from `input` to `local`, each head within the next:
 * those of the model's calibration, those over which least crosses, and without a calibration those without which no plan
 * comes near the cheapest at some prices; as far as they nest with all before them and make no more than 6 segments. Both
 * ends have the same graph and calibration, so both derive the same list.
 * @throws {RangeError} where the calibration has a wound that the graph has not.
 */
export function plannedWounds(
  graph: LayerGraph,
  calibration?: { readonly rows: readonly { readonly wound: string }[] },
): Wound[] {
  const singles = singleWounds(graph)
  const ends = [singles[0]!, singles.at(-1)!] as const
  const kept: Wound[] = [...ends]
  const keep = (wound: Wound) => {
    if (kept.every((other) => nest(wound, other))) kept.push(wound)
  }
  for (const name of new Set(calibration?.rows.map(({ wound }) => wound))) keep(findWound(graph, name))
  for (const { wound } of undercutting(graph, singles).toSorted((a, b) => b.shrink - a.shrink)) {
    if (kept.length <= maximumSegments) keep(wound)
  }
  // A calibration has measured where its owner would cut: elsewhere only codecs that need none could be used.
  const chain = calibration === undefined ? completedChain(graph, kept, maximumSegments + 1) : kept
  return chain.toSorted((a, b) => a.head.length - b.head.length)
}

/** Values that cross and the channels they come in, per tensor. */
export function crossingShapes(graph: LayerGraph, wound: Wound): { elements: number; channels: number }[] {
  return wound.tensors.map((id) => {
    const tensor = graph.tensors[id]!
    return { elements: elementsOf(tensor), channels: borderShape(tensor)[0]! }
  })
}

/**
 * The wounds over which fewer values cross than an encoded input has bytes, and fewer than over any that needs no more
 * operations before it; and by which factor. O(wounds x layers).
 */
function undercutting(graph: LayerGraph, singles: readonly Wound[]): { wound: Wound; shrink: number }[] {
  const operations = ({ head }: Wound) =>
    head.reduce((sum, layer) => sum + graph.layers[layer]!.operations, 0)
  const wounds = [...singles.slice(1, -1), ...bestRingWounds(graph, singles)]
    .map((wound) => ({ wound, values: crossingValues(graph, wound), operations: operations(wound) }))
    .toSorted((a, b) => a.operations - b.operations || a.wound.head.length - b.wound.head.length)
  let least = crossingValues(graph, singles[0]!) / valuesPerEncodedByte
  const found: { wound: Wound; shrink: number }[] = []
  for (const { wound, values } of wounds) {
    if (values >= least) continue
    found.push({ wound: withRiders(graph, wound), shrink: least / values })
    least = values
  }
  return found
}

/** The wound behind the layers that ride along with those before it. */
function withRiders(graph: LayerGraph, wound: Wound): Wound {
  const head = new Set(wound.head)
  const ridden = tensorsToRiders(graph)
  for (const { index, inputs } of graph.layers) {
    const input = graph.tensors[inputs[0]!]
    if (input !== undefined && ridden.has(input.id) && head.has(input.producer)) head.add(index)
  }
  return woundFromHead(graph, head)
}

function crossingValues(graph: LayerGraph, wound: Wound): number {
  return crossingShapes(graph, wound).reduce((sum, { elements }) => sum + elements, 0)
}
