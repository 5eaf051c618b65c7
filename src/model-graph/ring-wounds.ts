import { elementsOf, type LayerGraph } from './layer-graph.ts'
import { findRings, type Ring } from './rings.ts'
import type { Wound } from './wound.ts'
import { woundFromHead } from './wound-from-head.ts'

/** Rings with more prefix combinations are left out: listing them would help nobody. */
const maximumCombinations = 20_000

/**
 * Every wound inside one ring of disjoint branches: from each branch the head takes the first so many layers (the
 * ring's entry and all it needs are in the head, its exit is not). Down-closed as branches are paths. A branch of which
 * nothing is taken, or that is empty (an identity shortcut), lets the entry's own tensor cross, once however many
 * branches need it. All prefixes empty would be the wound after the entry, which is not listed here.
 *
 * O((layers + tensors) * product of (branch length + 1)).
 * @returns In order of prefixes, the first branch's slowest; none for a `cell` or where there are more than 20,000.
 */
export function ringWounds(graph: LayerGraph, ring: Ring): Wound[] {
  const { branches, entry } = ring
  const combinations = branches.reduce((product, { length }) => product * (length + 1), 1)
  if (branches.length === 0 || combinations > maximumCombinations) return []
  const base = neededFor(graph, entry)
  return prefixes(branches)
    .filter((taken) => taken.length > 0)
    .map((taken) => woundFromHead(graph, [...base, ...taken]))
}

/**
 * Wounds inside a ring that is not made of disjoint branches, such as NASNet's body: for each of its layers but the
 * exit, the head that is just what the layer needs. Between two cells these are the outputs of the last two. Not every
 * down-closed set, of which there are too many to list. O(layers x (layers + tensors)).
 */
function cellWounds(graph: LayerGraph, ring: Ring): Wound[] {
  return ring.layers
    .filter((layer) => layer !== ring.exit && layer !== ring.entry)
    .map((layer) => woundFromHead(graph, neededFor(graph, layer)))
}

/** The wounds of {@link ringWounds} for every outermost ring of two branches, in the rings' order. */
export function twoBranchWounds(graph: LayerGraph): Wound[] {
  return findRings(graph)
    .filter(({ branches }) => branches.length === 2)
    .flatMap((ring) => ringWounds(graph, ring))
}

/**
 * The wounds of several tensors that can be best for some link and machines: of `singles` and the wounds inside rings,
 * none has fewer bytes crossing for the same or fewer operations before it. Complete for rings of branches; of other
 * rings the heads that are just what one layer needs.
 * @param singles Wounds of one tensor, `local` included or not.
 */
export function bestRingWounds(graph: LayerGraph, singles: readonly Wound[]): Wound[] {
  const inRings = findRings(graph).flatMap((ring) =>
    ring.kind === 'cell' ? cellWounds(graph, ring) : ringWounds(graph, ring),
  )
  const measure = (wound: Wound, single: boolean) => ({
    wound,
    single,
    values: wound.tensors.reduce((sum, id) => sum + elementsOf(graph.tensors[id]!), 0),
    operations: wound.head.reduce((sum, index) => sum + graph.layers[index]!.operations, 0),
  })
  const all = [
    ...singles.filter(({ id }) => id !== 'local').map((wound) => measure(wound, true)),
    ...inRings.map((wound) => measure(wound, false)),
  ].toSorted(
    (a, b) => a.operations - b.operations || a.values - b.values || Number(b.single) - Number(a.single),
  )
  const best: Wound[] = []
  let least = Infinity
  for (const { wound, single, values } of all) {
    if (values >= least) continue
    least = values
    if (!single) best.push(wound)
  }
  return best
}

/** A layer, all it needs, and the input layers. */
function neededFor(graph: LayerGraph, layer: number): Set<number> {
  const needed = new Set(graph.inputs.map((id) => graph.tensors[id]!.producer))
  const waiting = [layer]
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    if (needed.has(index)) continue
    needed.add(index)
    waiting.push(...graph.layers[index]!.inputs.map((id) => graph.tensors[id]!.producer))
  }
  return needed
}

/** Every way to take a prefix of each list, all prefixes joined. */
function prefixes(lists: readonly (readonly number[])[]): number[][] {
  return lists.reduce<number[][]>(
    (found, list) =>
      found.flatMap((taken) =>
        Array.from({ length: list.length + 1 }, (_, length) => [...taken, ...list.slice(0, length)]),
      ),
    [[]],
  )
}
