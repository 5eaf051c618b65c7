import { findWound } from '../model-graph/find-wound.ts'
import type { LayerGraph } from '../model-graph/layer-graph.ts'
import type { Wound } from '../model-graph/wound.ts'

/**
 * The wounds at which something may leave the device: with `none` all, with `noInput` all but the input, with a wound
 * those whose head has all that its head has.
 * @throws {RangeError} where there is no such wound.
 */
export function allowedWounds(graph: LayerGraph, wounds: readonly Wound[], privacy: string): Wound[] {
  if (privacy === 'none') return [...wounds]
  if (privacy === 'noInput') return wounds.filter(({ id }) => id !== 'input')
  const least = findWound(graph, privacy).head
  return wounds.filter(({ head }) => {
    const layers = new Set(head)
    return least.every((layer) => layers.has(layer))
  })
}
