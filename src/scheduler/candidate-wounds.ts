import { borderShape, elementsOf, type LayerGraph } from '../model-graph/layer-graph.ts'
import type { Wound } from '../model-graph/wound.ts'

/** How many segments a model is divided into at most: every border costs a copy and a call. */
const maximumSegments = 6

/** A picture encoded for sending needs about one byte for six values of the input; a wound must undercut that. */
const valuesPerEncodedByte = 6

/** A layer that does so few operations per crossing value rides along with the one before it. */
const cheapOperationsPerValue = 4

/**
 * The wounds that can be best for some link: fewer values cross than an encoded input has bytes, and fewer than at any
 * wound before. Where normalisation or activation follows at the same size, the wound lies behind these, because
 * engines fuse them. Of more than fit, those stay that shrink the crossing most. Both ends derive the same list from
 * the same graph. O(wounds + layers).
 * @param wounds in order of depth, `input` first and `local` last.
 */
export function candidateWounds(graph: LayerGraph, wounds: readonly Wound[]): Wound[] {
  const input = wounds[0]!
  const local = wounds.at(-1)!
  let least = crossingValues(graph, input) / valuesPerEncodedByte
  const found: { wound: Wound; shrink: number }[] = []
  for (const wound of wounds.slice(1, -1)) {
    const values = crossingValues(graph, wound)
    const last = found.at(-1)
    if (values < least) {
      found.push({ wound, shrink: least / values })
      least = values
    } else if (last !== undefined && values === least && ridesAlong(graph, last.wound, wound, values)) {
      found[found.length - 1] = { ...last, wound }
    }
  }
  const kept = new Set(found.toSorted((a, b) => b.shrink - a.shrink).slice(0, maximumSegments - 1))
  return [input, ...found.filter((candidate) => kept.has(candidate)).map(({ wound }) => wound), local]
}

/**
 * The wounds a planner can choose: the candidates and those of the model's calibration, in order of depth. Both ends
 * have the same calibration, so both derive the same list.
 */
export function plannedWounds(
  graph: LayerGraph,
  wounds: readonly Wound[],
  calibration: { readonly rows: readonly { readonly wound: string }[] } | undefined,
): Wound[] {
  const chosen = new Set(candidateWounds(graph, wounds).map(({ id }) => id))
  for (const { wound } of calibration?.rows ?? []) chosen.add(wound)
  return wounds.filter(({ id }) => chosen.has(id))
}

/** Values that cross and the channels they come in, per tensor. */
export function crossingShapes(graph: LayerGraph, wound: Wound): { elements: number; channels: number }[] {
  return wound.tensors.map((id) => {
    const tensor = graph.tensors[id]!
    return { elements: elementsOf(tensor), channels: borderShape(tensor)[0]! }
  })
}

function crossingValues(graph: LayerGraph, wound: Wound): number {
  return crossingShapes(graph, wound).reduce((sum, { elements }) => sum + elements, 0)
}

function ridesAlong(graph: LayerGraph, before: Wound, after: Wound, values: number): boolean {
  const inBefore = new Set(before.head)
  const between = after.head.filter((layer) => !inBefore.has(layer))
  const operations = between.reduce((sum, layer) => sum + graph.layers[layer]!.operations, 0)
  return operations <= cheapOperationsPerValue * values
}
