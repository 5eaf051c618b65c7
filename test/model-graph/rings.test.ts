import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { findRings, type Ring } from '../../src/model-graph/rings.ts'
import { zooModel } from '../../src/model-graph/zoo/zoo.ts'
import { graphOf, graphOfEdges } from './built-graph.ts'

type Edge = readonly [number, number]

/** Any directed acyclic graph: bits of the upper triangle. */
const dags = fc
  .integer({ min: 1, max: 9 })
  .chain((nodes) =>
    fc.record({
      nodes: fc.constant(nodes),
      bits: fc.array(fc.boolean(), {
        minLength: (nodes * (nodes - 1)) / 2,
        maxLength: (nodes * (nodes - 1)) / 2,
      }),
    }),
  )
  .map(({ nodes, bits }) => {
    const edges: Edge[] = []
    let bit = 0
    for (let from = 0; from < nodes; from++) {
      for (let to = from + 1; to < nodes; to++) if (bits[bit++]) edges.push([from, to])
    }
    return { nodes, edges }
  })

function componentsWithout(
  nodes: readonly number[],
  edges: readonly Edge[],
  removed: number,
): Map<number, number> {
  const group = new Map(nodes.filter((node) => node !== removed).map((node) => [node, node]))
  const root = (node: number): number => (group.get(node) === node ? node : root(group.get(node)!))
  for (const [a, b] of edges) if (a !== removed && b !== removed) group.set(root(a), root(b))
  return new Map([...group.keys()].map((node) => [node, root(node)]))
}

/** Two edges are of one component when no single node separates them: by deleting every node in turn. */
function bruteRings({ nodes, edges }: { nodes: number; edges: readonly Edge[] }): string[] {
  const all = Array.from({ length: nodes }, (_, node) => node)
  const without = [-1, ...all].map((removed) => componentsWithout(all, edges, removed))
  const together = (e: Edge, f: Edge) =>
    without.every((groups, index) => {
      const removed = index - 1
      const alive = (edge: Edge) => edge.find((node) => node !== removed)!
      return groups.get(alive(e)) === groups.get(alive(f))
    })
  const rings = edges.map((edge) => edges.filter((other) => together(edge, other)))
  const layers = rings
    .filter((ring) => ring.length > 1)
    .map((ring) => [...new Set(ring.flat())].toSorted((a, b) => a - b))
  return [...new Set(layers.map((ring) => ring.join()))]
}

/** Whether a ring is internally disjoint paths, counted from degrees and traced independently of the reduction. */
function brutePaths(layers: readonly number[], edges: readonly Edge[]): number[][] | undefined {
  const inside = edges.filter(([from, to]) => layers.includes(from) && layers.includes(to))
  const [entry, exit] = [layers[0]!, layers.at(-1)!]
  const next = (layer: number) => inside.filter(([from]) => from === layer).map(([, to]) => to)
  const before = (layer: number) => inside.filter(([, to]) => to === layer).length
  const inner = layers.slice(1, -1)
  if (inner.some((layer) => before(layer) !== 1 || next(layer).length !== 1)) return undefined
  return next(entry)
    .map((start) => {
      const path: number[] = []
      for (let layer = start; layer !== exit; layer = next(layer)[0]!) path.push(layer)
      return path
    })
    .toSorted((a, b) => (a[0] ?? -1) - (b[0] ?? -1))
}

test('findRings agrees with deleting every layer in turn', () => {
  let cells = 0
  fc.assert(
    fc.property(dags, (dag) => {
      const rings = findRings(
        graphOfEdges(
          Array.from({ length: dag.nodes }, () => 'Add'),
          dag.edges,
        ),
      )
      const expected = bruteRings(dag)
      expect(new Set(rings.map((ring) => ring.layers.join()))).toEqual(new Set(expected))
      expect(rings).toHaveLength(expected.length)
      for (const ring of rings) {
        const paths = brutePaths(ring.layers, dag.edges)
        if (paths === undefined) cells++
        expect(ring.kind === 'cell').toBe(paths === undefined)
        expect(ring.branches).toEqual(paths ?? [])
        expect([ring.entry, ring.exit]).toEqual([ring.layers[0], ring.layers.at(-1)])
        checkNested(ring, dag.edges)
      }
    }),
    { numRuns: 3000, seed: 7 },
  )
  expect(cells).toBeGreaterThan(100)
})

/** A nested ring lies inside its cell and touches the rest of it at its entry and exit only. */
function checkNested(ring: Ring, edges: readonly Edge[]): void {
  for (const inner of ring.nested) {
    expect(ring.layers).toEqual(expect.arrayContaining([...inner.layers]))
    const own = (layer: number) => inner.layers.includes(layer)
    const border = (layer: number) => layer === inner.entry || layer === inner.exit
    const inside = edges.filter((edge) => edge.every((layer) => ring.layers.includes(layer)))
    const crossing = inside.filter(([from, to]) => own(from) !== own(to))
    expect(crossing.every(([from, to]) => border(own(from) ? from : to))).toBe(true)
    expect(inner.kind === 'cell' ? 2 : inner.branches.length).toBeGreaterThan(1)
    checkNested(inner, inside)
  }
}

const shape = (ring: Ring): unknown => [
  ring.kind,
  ring.entry,
  ring.exit,
  ring.branches,
  ring.nested.map(shape),
]

test('findRings names the kinds', () => {
  const conv = 'Conv2D'
  const identity = graphOfEdges(
    ['InputLayer', conv, conv, 'Add', conv],
    [
      [0, 1],
      [1, 2],
      [1, 3],
      [2, 3],
      [3, 4],
    ],
  )
  expect(findRings(identity).map(shape)).toEqual([['residual-identity', 1, 3, [[], [2]], []]])

  const projection = graphOfEdges(
    ['InputLayer', conv, conv, conv, 'Add'],
    [
      [0, 1],
      [0, 2],
      [1, 3],
      [2, 4],
      [3, 4],
    ],
  )
  expect(findRings(projection).map(shape)).toEqual([['residual-projection', 0, 4, [[1, 3], [2]], []]])

  const inception = graphOfEdges(
    ['InputLayer', conv, conv, conv, conv, conv, conv, 'Concatenate'],
    [
      [0, 1],
      [0, 2],
      [0, 3],
      [0, 4],
      [2, 5],
      [3, 6],
      [1, 7],
      [5, 7],
      [6, 7],
      [4, 7],
    ],
  )
  expect(findRings(inception).map(shape)).toEqual([['branches', 0, 7, [[1], [2, 5], [3, 6], [4]], []]])

  // A residual block whose branch is an inception module: the outer ring is a cell of one ring.
  const nested = graphOfEdges(
    ['InputLayer', conv, conv, 'Concatenate', conv, 'Add'],
    [
      [0, 1],
      [0, 2],
      [1, 3],
      [2, 3],
      [3, 4],
      [4, 5],
      [0, 5],
    ],
  )
  expect(findRings(nested).map(shape)).toEqual([['cell', 0, 5, [], [['branches', 0, 3, [[1], [2]], []]]]])

  // A bridge between two branches: nothing to fold.
  const bridged = graphOfEdges(
    ['InputLayer', conv, conv, 'Add'],
    [
      [0, 1],
      [0, 2],
      [1, 2],
      [1, 3],
      [2, 3],
    ],
  )
  expect(findRings(bridged).map(shape)).toEqual([['cell', 0, 3, [], []]])

  // Two rings that share a layer stay two; a sum that reads one tensor twice is no ring.
  const touching = graphOfEdges(
    ['InputLayer', conv, 'Add', conv, 'Add', 'Add'],
    [
      [0, 1],
      [0, 2],
      [1, 2],
      [2, 3],
      [2, 4],
      [3, 4],
      [4, 5],
      [4, 5],
    ],
  )
  expect(findRings(touching).map(shape)).toEqual([
    ['residual-identity', 0, 2, [[], [1]], []],
    ['residual-identity', 2, 4, [[], [3]], []],
  ])
})

test('findRings does not recurse over long chains', () => {
  const length = 50_000
  const edges: Edge[] = Array.from({ length: length - 1 }, (_, layer) => [layer, layer + 1])
  const types = Array.from({ length }, () => 'Add')
  const tensors = types.map((_, id) => ({
    ...({ id, name: `${id}`, shape: [1], layout: 'channels-last', producer: id } as const),
    consumers: id === 0 ? [1, length - 1] : (edges[id]?.slice(1) ?? []),
  }))
  const small = graphOfEdges(['Add'], [])
  const layers = types.map((_, index) => ({ ...small.layers[0]!, index }))
  const [ring, ...others] = findRings({ ...small, layers, tensors })
  expect(others).toEqual([])
  expect(ring).toMatchObject({ kind: 'residual-identity', entry: 0, exit: length - 1 })
  expect(ring!.branches.map((branch) => branch.length)).toEqual([0, length - 2])
})

function counts(name: string): Record<string, number> {
  const tally: Record<string, number> = {}
  for (const ring of findRings(graphOf(zooModel(name).build())))
    tally[ring.kind] = (tally[ring.kind] ?? 0) + 1
  return tally
}

test('findRings counts the rings of the zoo', () => {
  expect(counts('VGG19')).toEqual({})
  expect(counts('MobileNet')).toEqual({})
  expect(counts('MobileNetV2')).toEqual({ 'residual-identity': 10 })
  for (const name of ['ResNet50', 'resnet50-keras22']) {
    expect(counts(name)).toEqual({ 'residual-projection': 4, 'residual-identity': 12 })
  }
  expect(counts('InceptionV3')).toEqual({ branches: 9, cell: 2 })
  expect(counts('InceptionResNetV2')).toEqual({ branches: 3, cell: 40 })
  expect(counts('NASNetLarge')).toEqual({ cell: 1 })
  expect(counts('NASNetMobile')).toEqual({ cell: 1 })
})

test('findRings describes the cells of the zoo', () => {
  const kinds = (ring: Ring) => ring.nested.map((inner) => `${inner.kind} ${inner.branches.length}`)
  const last = findRings(graphOf(zooModel('InceptionV3').build())).filter((ring) => ring.kind === 'cell')
  expect(last.map(kinds)).toEqual([
    ['branches 2', 'branches 2'],
    ['branches 2', 'branches 2'],
  ])

  const blocks = findRings(graphOf(zooModel('InceptionResNetV2').build())).filter(
    (ring) => ring.kind === 'cell',
  )
  expect(blocks.map((ring) => kinds(ring).join())).toEqual([
    ...Array.from({ length: 10 }, () => 'branches 3'),
    ...Array.from({ length: 30 }, () => 'branches 2'),
  ])

  const graph = graphOf(zooModel('NASNetLarge').build())
  const [body] = findRings(graph)
  const name = (index: number) => graph.layers[index]!.name
  expect([name(body!.entry), name(body!.exit)]).toEqual(['stem_bn1', 'normal_concat_18'])
  expect(body!.layers).toHaveLength(1036)
  expect(body!.nested.length).toBeGreaterThan(2 * 18)
})
