/**
 * Rings: the biconnected components with a cycle of a layer graph whose directions are ignored (nodes are layers,
 * edges join a tensor's producer to its consumers). Outside rings a network is a chain, so every layer there is a
 * place to cut one tensor; inside a ring a wound crosses several.
 *
 * A ring whose layers form disjoint paths from its entry to its exit is described by these paths. Any other is a
 * `cell`: `nested` then lists the rings found inside by series-parallel reduction, outermost first per place. A cell
 * made of smaller rings alone (InceptionResNetV2's blocks, the last ones of InceptionV3) is so described whole.
 * NASNet is not made of such: each cell reads the outputs of the two cells before it, so no single tensor separates
 * one cell from the next, and the whole body from the stem's batch norm to the last concatenation is *one* ring.
 * That is the truth about its wounds (none of a single tensor inside), so it is reported as such; its nested rings
 * are the small ones that hang between two layers (the two convolutions that read one input and meet in one sum).
 *
 * O(layers + edges) for rings that are not nested, times the depth of nesting otherwise; recursion only over nesting.
 */
import { biconnectedComponents } from './biconnected.ts'
import type { LayerGraph } from './layer-graph.ts'
import { foldSeriesParallel, type ParallelSpan, type Span } from './series-parallel.ts'

export type RingKind =
  /** Two ways that meet in a sum, one of them empty. */
  | 'residual-identity'
  /** Two ways that meet in a sum, both with layers. */
  | 'residual-projection'
  /** Disjoint ways of any other number or ending, as in inception modules. */
  | 'branches'
  /** Anything else: rings within rings, or ways that touch each other. */
  | 'cell'

export interface Ring {
  readonly kind: RingKind
  /** First and last layer of the ring in topological order; both belong to it. */
  readonly entry: number
  readonly exit: number
  /**
   * Layers of each way from entry to exit, both excluded, in order; the ways are disjoint and sorted by their first
   * layer, the empty one first. Empty for a cell.
   */
  readonly branches: readonly (readonly number[])[]
  /** All layers of the ring, entry and exit included, ascending. */
  readonly layers: readonly number[]
  /** For a cell, the rings that could be made out inside it, by entry then exit; empty for other kinds. */
  readonly nested: readonly Ring[]
}

/** Layers in which a residual branch meets its shortcut: Keras's, ONNX's, and Keras's scaled sum. */
const sums: ReadonlySet<string> = new Set(['Add', 'Sum', 'Lambda', 'CustomScaleLayer'])

/** The outermost rings of a model, ascending by entry. Two of them share at most one layer. */
export function findRings(graph: LayerGraph): Ring[] {
  const edges = graph.tensors.flatMap(({ producer, consumers }) =>
    consumers.map((consumer) => [producer, consumer] as const),
  )
  const single = withoutDoubles(edges, graph.layers.length)
  const typeOf = (layer: number) => graph.layers[layer]!.type
  return biconnectedComponents(graph.layers.length, single)
    .filter((component) => component.length > 1)
    .map((component) =>
      describe(
        component.map((edge) => single[edge]!),
        typeOf,
      ),
    )
    .toSorted(byPlace)
}

type Edge = readonly [number, number]
type TypeOf = (layer: number) => string

/** Two tensors between the same two layers are one edge here: neither makes a cycle of layers. */
function withoutDoubles(edges: readonly Edge[], layers: number): Edge[] {
  const seen = new Set<number>()
  return edges.filter(([from, to]) => {
    const key = from * layers + to
    return from !== to && !seen.has(key) && seen.add(key)
  })
}

function byPlace(a: Ring, b: Ring): number {
  return a.entry - b.entry || a.exit - b.exit
}

function describe(edges: readonly Edge[], typeOf: TypeOf): Ring {
  const layers = [...new Set(edges.flat())].toSorted((a, b) => a - b)
  const entry = layers[0]!
  const exit = layers.at(-1)!
  const spans = foldSeriesParallel(edges)
  const [only] = spans
  if (spans.length === 1 && only!.kind === 'parallel') return ringOf(only!, typeOf)
  return { kind: 'cell', entry, exit, branches: [], layers, nested: outermostRings(spans, typeOf) }
}

function outermostRings(spans: readonly Span[], typeOf: TypeOf): Ring[] {
  return spans
    .flatMap((span) => (span.kind === 'parallel' ? [span] : span.parallels))
    .map((span) => ringOf(span, typeOf))
    .toSorted(byPlace)
}

/** Recursion only over nesting, which is as deep as rings within rings. */
function ringOf(span: ParallelSpan, typeOf: TypeOf): Ring {
  const { from: entry, to: exit, ways } = span
  const nested = outermostRings(ways, typeOf)
  const inner = [...ways.flatMap((way) => way.nodes), ...nested.flatMap((ring) => ring.layers)]
  const layers = [...new Set([entry, exit, ...inner])].toSorted((a, b) => a - b)
  if (nested.length > 0) return { kind: 'cell', entry, exit, branches: [], layers, nested }
  const branches = ways.map((way) => way.nodes).toSorted((a, b) => (a[0] ?? -1) - (b[0] ?? -1))
  return { kind: simpleKind(branches, typeOf(exit)), entry, exit, branches, layers, nested }
}

function simpleKind(branches: readonly (readonly number[])[], exitType: string): RingKind {
  if (branches.length !== 2 || !sums.has(exitType)) return 'branches'
  return branches[0]!.length === 0 ? 'residual-identity' : 'residual-projection'
}
