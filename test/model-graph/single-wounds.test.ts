import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { cut, divide } from '../../src/model-graph/cut.ts'
import { findWound } from '../../src/model-graph/find-wound.ts'
import { graphFromKeras } from '../../src/model-graph/keras-topology.ts'
import type { LayerGraph } from '../../src/model-graph/layer-graph.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import type { Wound } from '../../src/model-graph/wound.ts'
import { woundFacts } from '../../src/model-graph/wound-facts.ts'
import { woundFromHead } from '../../src/model-graph/wound-from-head.ts'
import { input, kerasTopology, type LayerSketch } from '../keras-model.ts'

/** Random connected graphs of 2-10 layers over one shape; some read two layers, some have two inputs. */
const randomGraph = fc
  .record({
    choices: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.boolean()), { minLength: 1, maxLength: 8 }),
    twoInputs: fc.boolean(),
  })
  .map(({ choices, twoInputs }): LayerGraph => {
    const layers: LayerSketch[] = [input(3)]
    if (twoInputs) layers.push(['in2', 'InputLayer', { batch_input_shape: [null, 3] }])
    for (const [index, [a, b, merge]] of choices.entries()) {
      const first = layers[a % layers.length]![0]
      const second = layers[b % layers.length]![0]
      const both = merge && first !== second
      layers.push([`l${index}`, both ? 'Add' : 'ReLU', {}, first, ...(both ? [second] : [])])
    }
    // Everything unread is added up at the end, so that every layer leads to the output.
    const read = new Set(layers.flatMap(([, , , ...reads]) => reads))
    const loose = layers.map(([name]) => name).filter((name) => !read.has(name))
    if (loose.length > 1) layers.push(['end', 'Add', {}, ...loose])
    return graphFromKeras(kerasTopology(layers))
  })

/** Every down-closed set of layers that holds the inputs, by trying all subsets. */
function allHeads(graph: LayerGraph): number[][] {
  const inputs = graph.inputs.map((id) => graph.tensors[id]!.producer)
  const heads: number[][] = []
  for (let mask = 0; mask < 2 ** graph.layers.length; mask += 1) {
    const holds = (layer: number): boolean => (mask & (1 << layer)) !== 0
    const closed = graph.layers.every(
      ({ index, inputs: reads }) => !holds(index) || reads.every((id) => holds(graph.tensors[id]!.producer)),
    )
    if (closed && inputs.every(holds)) heads.push(graph.layers.map(({ index }) => index).filter(holds))
  }
  return heads
}

function crossing(graph: LayerGraph, head: readonly number[]): number[] {
  const tail = graph.layers.filter(({ index }) => !head.includes(index))
  const wanted = new Set([...tail.flatMap(({ inputs }) => inputs), ...graph.outputs])
  return head.flatMap((layer) => graph.layers[layer]!.outputs).filter((id) => wanted.has(id))
}

function describe({ tensors, head }: Pick<Wound, 'tensors' | 'head'>): string {
  return `${tensors.join()} | ${head.join()}`
}

test('singleWounds finds exactly the single-tensor wounds that trying all down-closed heads finds', () => {
  fc.assert(
    fc.property(randomGraph, (graph) => {
      const inputCount = graph.inputs.length
      const expected = allHeads(graph)
        .filter((head) => head.length > inputCount && head.length < graph.layers.length)
        .map((head) => ({ head, tensors: crossing(graph, head) }))
        .filter(({ tensors }) => tensors.length === 1)
      const wounds = singleWounds(graph)
      expect(wounds[0]!.id).toBe('input')
      expect(wounds.at(-1)!.id).toBe('local')
      expect(wounds.slice(1, -1).map(describe).toSorted()).toEqual(expected.map(describe).toSorted())
      for (const wound of wounds) expect(woundFromHead(graph, wound.head)).toEqual(wound)
    }),
    { numRuns: 300 },
  )
})

test('findWound finds every wound by its id, multi-tensor ones too, and cut divides it without loss', () => {
  fc.assert(
    fc.property(randomGraph, (graph) => {
      for (const head of allHeads(graph)) {
        const wound = woundFromHead(graph, head)
        expect(findWound(graph, wound.id)).toEqual(wound)
        const local = head.length === graph.layers.length
        expect(wound.tensors).toEqual(local ? [] : crossing(graph, head))
        const parts = cut(graph, wound)
        expect([...parts.head.layers, ...parts.tail.layers].toSorted((a, b) => a - b)).toEqual(
          graph.layers.map(({ index }) => index),
        )
        expect(parts.tail.inputs).toEqual(local ? [] : parts.head.outputs)
      }
    }),
    { numRuns: 100 },
  )
})

test('divide gives every segment what it reads from segments before it, each tensor once', () => {
  fc.assert(
    fc.property(randomGraph, fc.infiniteStream(fc.boolean()), (graph, keep) => {
      const wounds = singleWounds(graph)
        .slice(1, -1)
        .filter(() => keep.next().value)
      const segments = divide(graph, wounds)
      expect(segments.length).toBe(wounds.length + 1)
      expect(segments.flatMap(({ layers }) => layers)).toEqual(graph.layers.map(({ index }) => index))
      const known = new Set(graph.inputs)
      for (const { layers, inputs, outputs } of segments) {
        expect(inputs.every((id) => known.has(id))).toBe(true)
        const made = new Set([...inputs, ...layers.flatMap((layer) => graph.layers[layer]!.outputs)])
        expect(layers.every((layer) => graph.layers[layer]!.inputs.every((id) => made.has(id)))).toBe(true)
        for (const id of outputs) known.add(id)
      }
      expect(graph.outputs.every((id) => known.has(id))).toBe(true)
    }),
    { numRuns: 200 },
  )
})

const ring = graphFromKeras(
  kerasTopology([
    input(4, 4, 2),
    ['a', 'Conv2D', { filters: 3, kernel_size: 1 }, 'in'],
    ['left', 'ReLU', {}, 'a'],
    ['right', 'ReLU', {}, 'a'],
    ['sum', 'Add', {}, 'left', 'right'],
    ['out', 'Flatten', {}, 'sum'],
  ]),
)

test('woundFacts counts layers, operations and raw bytes on both sides', () => {
  const total = ring.layers.reduce((sum, { operations }) => sum + operations, 0)
  expect(woundFacts(ring, findWound(ring, 'left+right'))).toEqual({
    id: 'left+right',
    after: ['left', 'right'],
    tensors: ['left', 'right'].map((name) => ({ name, shape: [4, 4, 3], bytes: 4 * 4 * 3 * 4 })),
    edgeLayers: 4,
    backendLayers: 2,
    edgeOps: 2 * 16 * 6 + 96,
    backendOps: 48,
  })
  expect(total).toBe(2 * 16 * 6 + 96 + 48)
})

test('findWound says what is wrong with a name', () => {
  expect(findWound(ring, 'out').id).toBe('local')
  expect(findWound(ring, 'in').id).toBe('input')
  expect(() => findWound(ring, 'left')).toThrow(/current ones are 'a\+left'; nearest .* are 'a' and 'sum'/)
  expect(() => findWound(ring, 'a+left+right')).toThrow(/current ones are 'left\+right'/)
  expect(() => findWound(ring, 'LEF')).toThrow(/similar ones are left/)
})

test('cut and divide refuse heads that are not down-closed, wrong tensors and wounds out of order', () => {
  const [a, sum] = [findWound(ring, 'a'), findWound(ring, 'sum')]
  expect(() => cut(ring, { id: 'x', head: [0, 1, 2, 4], tensors: [4] })).toThrow(
    /down-closed, 'sum' reads 'right'/,
  )
  expect(() => cut(ring, { ...a, tensors: [2] })).toThrow(/tensors must be \[1\]/)
  expect(() => divide(ring, [sum, a])).toThrow(/'a' must lie behind 'sum'/)
  expect(() => woundFromHead(ring, [1])).toThrow(/input layer 'in'/)
})
