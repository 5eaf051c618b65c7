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
 * @param lengths How many layers may be taken of a branch; by default any number.
 * @returns In order of prefixes, the first branch's slowest; none for a `cell` or where there are more than 20,000.
 */
export function ringWounds(graph: LayerGraph, ring: Ring, lengths = everyLength): Wound[] {
  const { branches, entry } = ring
  const choices = branches.map((branch) => lengths(graph, branch).map((length) => branch.slice(0, length)))
  const combinations = choices.reduce((product, { length }) => product * length, 1)
  if (branches.length === 0 || combinations > maximumCombinations) return []
  const base = neededFor(graph, [entry])
  return combined(choices)
    .filter((taken) => taken.length > 0)
    .map((taken) => woundFromHead(graph, neededFor(graph, taken, base)))
}

function everyLength(_: LayerGraph, branch: readonly number[]): number[] {
  return Array.from({ length: branch.length + 1 }, (_, length) => length)
}

/** Those after which less crosses than after any before: a wound that takes another length is beaten by one of them. */
function shrinkingLengths(graph: LayerGraph, branch: readonly number[]): number[] {
  const lengths = [0]
  let least = Infinity
  for (const [i, layer] of branch.entries()) {
    const values = valuesOf(graph, graph.layers[layer]!.outputs)
    if (values >= least) continue
    least = values
    lengths.push(i + 1)
  }
  return lengths
}

/**
 * Wounds inside a ring that is not made of disjoint branches, such as NASNet's body: of the heads that end with one of
 * its layers in the source's order, those over which less crosses than over any before. Not every down-closed set, of
 * which there are too many to list; of NASNet's better ones than the heads that are just what one layer needs. One
 * sweep over the layers, and O(layers + tensors) per wound.
 */
function cellWounds(graph: LayerGraph, { layers, entry, exit }: Ring): Wound[] {
  const inputs = graph.inputs.map((id) => graph.tensors[id]!.producer)
  const answers = new Set(graph.outputs)
  const inRing = new Set(layers)
  const lastRead = graph.layers.map((): number[] => [])
  for (const { id, consumers } of graph.tensors) if (!answers.has(id)) lastRead[consumers.at(-1)!]!.push(id)
  let live = valuesOf(graph, graph.inputs)
  let least = Infinity
  const found: Wound[] = []
  for (const { index, outputs } of graph.layers.slice(0, exit)) {
    if (!inputs.includes(index)) live += valuesOf(graph, outputs)
    live -= valuesOf(graph, lastRead[index]!)
    if (index <= entry || !inRing.has(index) || live >= least) continue
    least = live
    found.push(
      woundFromHead(graph, [...inputs, ...graph.layers.slice(0, index + 1).map((layer) => layer.index)]),
    )
  }
  return found
}

/** The wounds of {@link ringWounds} for every outermost ring of two branches, in the rings' order. */
export function twoBranchWounds(graph: LayerGraph): Wound[] {
  return findRings(graph)
    .filter(({ branches }) => branches.length === 2)
    .flatMap((ring) => ringWounds(graph, ring))
}

/**
 * The wounds of several tensors that can be best for some link and machines: of `singles` and the wounds inside rings,
 * none has fewer values crossing for the same or fewer operations before it. Complete for rings of branches; of other
 * rings the heads that end with a layer in the source's order.
 * @param singles Wounds of one tensor, `local` included or not.
 */
export function bestRingWounds(graph: LayerGraph, singles: readonly Wound[]): Wound[] {
  const inRings = findRings(graph).flatMap((ring) =>
    ring.kind === 'cell' ? cellWounds(graph, ring) : ringWounds(graph, ring, shrinkingLengths),
  )
  const measure = (wound: Wound, single: boolean) => ({
    wound,
    single,
    values: valuesOf(graph, wound.tensors),
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

function valuesOf(graph: LayerGraph, tensors: readonly number[]): number {
  return tensors.reduce((sum, id) => sum + elementsOf(graph.tensors[id]!), 0)
}

/** Layers and all they need, which may lie outside their ring where a model has several inputs; input layers always. */
function neededFor(graph: LayerGraph, layers: readonly number[], known: Iterable<number> = []): Set<number> {
  const needed = new Set([...graph.inputs.map((id) => graph.tensors[id]!.producer), ...known])
  const waiting = [...layers]
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    if (needed.has(index)) continue
    needed.add(index)
    waiting.push(...graph.layers[index]!.inputs.map((id) => graph.tensors[id]!.producer))
  }
  return needed
}

/** Every way to take one of each list's choices, joined. */
function combined(lists: readonly (readonly (readonly number[])[])[]): number[][] {
  return lists.reduce<number[][]>(
    (found, choices) => found.flatMap((taken) => choices.map((choice) => [...taken, ...choice])),
    [[]],
  )
}
