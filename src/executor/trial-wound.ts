import type { LayerGraph } from '../model-graph/layer-graph.ts'
import { singleWounds } from '../model-graph/single-wounds.ts'
import type { Wound } from '../model-graph/wound.ts'
import type { Precision } from './engine.ts'
import { fusedWithBefore } from './xnnpack/divide-by-weights.ts'

/**
 * Where a trial cuts a model: in its middle; the first of `input` and `local` where there are no others, as it leaves
 * something to run. A precision that rounds what crosses is not equal to itself where a normalisation is cut off from what it
 * is folded into, which no plan does.
 */
export function trialWound(graph: LayerGraph, precision: Precision): Wound {
  const isFused = (tensor: number) =>
    graph.tensors[tensor]!.consumers.some((layer) => fusedWithBefore.has(graph.layers[layer]!.type))
  const wounds = singleWounds(graph).filter(
    ({ tensors }) => precision === 'float32' || !tensors.some(isFused),
  )
  return wounds[Math.floor((wounds.length - 1) / 2)]!
}
