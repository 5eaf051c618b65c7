/**
 * Divides rings into groups of layers that can be drawn as one box each.
 *
 * A group is what lies behind one *root*: the ring's exit, and inside a ring that is not made of smaller ones every
 * merge of three or more tensors that two or more layers read (the concatenations that end NASNet's cells). Each other
 * layer of the ring belongs to the nearest root through which everything it gives must pass, that is its nearest root
 * among its post-dominators (Prosser, 1959; found here as lowest common ancestors over a topological order, as in
 * Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm", 2001). A layer that is also read by another group
 * on the way there stands alone: so only a group's root is read from outside, and boxes for groups form an acyclic
 * graph again. O(layers * depth of the post-dominator tree).
 */
import type { LayerGraph } from '../model-graph/layer-graph.ts'
import type { Ring, RingKind } from '../model-graph/rings.ts'

export interface RingGroup {
  readonly root: number
  /** The ring's kind; a part of a ring is a `cell`. */
  readonly kind: RingKind
  /** Ascending, root included. */
  readonly layers: readonly number[]
}

/** Groups of two or more layers, ascending by root. @param rings Outermost rings of the graph. */
export function ringGroups(graph: LayerGraph, rings: readonly Ring[]): RingGroup[] {
  const consumers = readersOf(graph)
  const after = postDominators(graph, consumers)
  return rings.flatMap((ring) => {
    const inside = new Set(ring.layers.filter((layer) => layer !== ring.entry))
    const isRoot = (layer: number): boolean =>
      layer === ring.exit || (graph.layers[layer]!.inputs.length > 2 && consumers[layer]!.length > 1)
    const members = new Map<number, number[]>()
    for (const layer of inside) {
      let root: number | undefined = layer
      while (root !== undefined && !(inside.has(root) && isRoot(root))) root = after[root]
      if (root !== undefined) members.set(root, [...(members.get(root) ?? []), layer])
    }
    const groups = [...members]
      .map(([root, layers]) => ({ root, layers: readByRootOnly(layers, root, consumers) }))
      .filter(({ layers }) => layers.length > 1)
    return groups.map((group) => ({ ...group, kind: groups.length > 1 ? 'cell' : ring.kind }))
  })
}

/** Leaves out layers that are read by what is left out, from the last to the first. @returns Ascending. */
function readByRootOnly(layers: readonly number[], root: number, consumers: readonly number[][]): number[] {
  const kept = new Set([root])
  for (const layer of layers.toSorted((a, b) => b - a)) {
    if (consumers[layer]!.every((reader) => kept.has(reader))) kept.add(layer)
  }
  return [...kept].toSorted((a, b) => a - b)
}

function readersOf(graph: LayerGraph): number[][] {
  return graph.layers.map(({ outputs }) => [
    ...new Set(outputs.flatMap((id) => graph.tensors[id]!.consumers)),
  ])
}

/** The nearest layer through which all that a layer gives passes on; undefined where it leaves the model. */
function postDominators(graph: LayerGraph, consumers: readonly number[][]): (number | undefined)[] {
  const after: (number | undefined)[] = graph.layers.map(() => undefined)
  const answers = new Set(graph.outputs.map((id) => graph.tensors[id]!.producer))
  for (const { index } of graph.layers.toReversed()) {
    if (answers.has(index)) continue
    let common: number | undefined = consumers[index]![0]
    for (const reader of consumers[index]!.slice(1)) {
      let other: number | undefined = reader
      // Post-dominators come later in topological order, so the earlier one steps on.
      while (common !== other && common !== undefined && other !== undefined) {
        if (common < other) common = after[common]
        else other = after[other]
      }
      if (common !== other) common = undefined
    }
    after[index] = common
  }
  return after
}
