/**
 * Series-parallel reduction of a directed acyclic graph (Valdes, Tarjan and Lawler, SIAM J. Comput. 11(2), 1982): a
 * node with one way in and one way out becomes part of an edge, edges that join the same two nodes become one. Where
 * this ends in a single edge the graph is series-parallel; otherwise what is left is its irreducible core, and its
 * edges tell what could be folded away. O(nodes + edges); recursion only over parallels within parallels.
 */

export type Span = SeriesSpan | ParallelSpan

/** A path from one node to another: nodes passed on the way, and the parallel spans between them. */
interface SeriesSpan {
  readonly kind: 'series'
  /** Nodes strictly between, those inside parallel spans excluded, in order. Empty for a plain edge. */
  readonly nodes: readonly number[]
  readonly parallels: readonly ParallelSpan[]
}

export interface ParallelSpan {
  readonly kind: 'parallel'
  readonly from: number
  readonly to: number
  /** Two or more, none of them parallel itself. */
  readonly ways: readonly SeriesSpan[]
}

/** Spans while folding: a chain is a rope, so that folding a node costs the same however long its chain is. */
type Fold =
  | { readonly kind: 'edge' }
  | { readonly kind: 'chain'; readonly before: Fold; readonly node: number; readonly after: Fold }
  | { readonly kind: 'parallel'; readonly from: number; readonly to: number; readonly ways: Fold[] }

type Adjacency = Map<number, Map<number, Fold>>

/**
 * @param edges directed, acyclic, without doubles. Nodes without a way in or without a way out are never folded.
 * @returns one span per edge of the core.
 */
export function foldSeriesParallel(edges: readonly (readonly [number, number])[]): Span[] {
  const out: Adjacency = new Map()
  const into: Adjacency = new Map()
  const pending: number[] = []
  const join = (from: number, to: number, fold: Fold) => {
    const present = neighbours(out, from).get(to)
    const merged = present === undefined ? fold : parallel(from, to, present, fold)
    neighbours(out, from).set(to, merged)
    neighbours(into, to).set(from, merged)
    pending.push(from, to)
  }
  for (const [from, to] of edges) join(from, to, { kind: 'edge' })

  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const ins = neighbours(into, node)
    const outs = neighbours(out, node)
    if (ins.size !== 1 || outs.size !== 1) continue
    const [from, before] = ins.entries().next().value!
    const [to, after] = outs.entries().next().value!
    out.delete(node)
    into.delete(node)
    out.get(from)!.delete(node)
    into.get(to)!.delete(node)
    join(from, to, { kind: 'chain', before, node, after })
  }
  return [...out.values()].flatMap((targets) => [...targets.values()].map(spanOf))
}

function neighbours(adjacency: Adjacency, node: number): Map<number, Fold> {
  const present = adjacency.get(node)
  if (present !== undefined) return present
  const fresh = new Map<number, Fold>()
  adjacency.set(node, fresh)
  return fresh
}

/** Flattened, so that three ways are one span whatever the order of merging. Each fold is merged once: reused. */
function parallel(from: number, to: number, a: Fold, b: Fold): Fold {
  const [large, small] = a.kind === 'parallel' ? [a, b] : [b, a]
  if (large.kind !== 'parallel') return { kind: 'parallel', from, to, ways: [a, b] }
  if (small.kind === 'parallel') for (const way of small.ways) large.ways.push(way)
  else large.ways.push(small)
  return large
}

function spanOf(fold: Fold): Span {
  return fold.kind === 'parallel' ? parallelOf(fold) : seriesOf(fold)
}

function parallelOf({ from, to, ways }: Fold & { kind: 'parallel' }): ParallelSpan {
  return { kind: 'parallel', from, to, ways: ways.map(seriesOf) }
}

/** Reads a rope from left to right. */
function seriesOf(fold: Fold): SeriesSpan {
  const nodes: number[] = []
  const parallels: ParallelSpan[] = []
  const stack: (Fold | number)[] = [fold]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (typeof top === 'number') nodes.push(top)
    else if (top.kind === 'chain') stack.push(top.after, top.node, top.before)
    else if (top.kind === 'parallel') parallels.push(parallelOf(top))
  }
  return { kind: 'series', nodes, parallels }
}
