import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { ringGroups } from '../../src/graph-picture/ring-groups.ts'
import type { LayerGraph } from '../../src/model-graph/layer-graph.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { findRings } from '../../src/model-graph/rings.ts'
import { graphOfEdges } from '../model-graph/built-graph.ts'

/** Every layer but the first reads one to four before it; what nothing reads is an output. */
const randomGraph = fc
  .array(fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), { minLength: 3, maxLength: 16 })
  .map((reads) => {
    const edges = reads.flatMap((sources, i) =>
      [...new Set(sources.map((source) => source % (i + 1)))].map((from) => [from, i + 1] as const),
    )
    return graphOfEdges(
      Array.from({ length: reads.length + 1 }, (_, i) => (i === 0 ? 'InputLayer' : 'Add')),
      edges,
    )
  })

/** Layers that read what the layer gives. */
function readers(graph: LayerGraph, layer: number): number[] {
  return graph.layers[layer]!.outputs.flatMap((id) => graph.tensors[id]!.consumers)
}

/** Whether what `from` gives reaches an output of the model although `without` is taken away. */
function escapes(graph: LayerGraph, from: number, without: number): boolean {
  if (graph.layers[from]!.outputs.some((id) => graph.outputs.includes(id))) return true
  return readers(graph, from).some((next) => next !== without && escapes(graph, next, without))
}

test('ringGroups are disjoint, behind their root, and of one ring each', () => {
  fc.assert(
    fc.property(randomGraph, (graph) => {
      const rings = findRings(graph)
      const groups = ringGroups(graph, rings)
      const all = groups.flatMap(({ layers }) => layers)
      expect(new Set(all).size).toBe(all.length)
      for (const { root, layers } of groups) {
        expect(layers.length).toBeGreaterThan(1)
        expect(layers.at(-1)).toBe(root)
        expect(
          rings.some((ring) => layers.every((layer) => ring.layers.includes(layer) && layer !== ring.entry)),
        ).toBe(true)
        for (const layer of layers) {
          if (layer === root) continue
          expect(escapes(graph, layer, root)).toBe(false)
          // Nobody outside reads it, so boxes cannot form a cycle.
          expect(readers(graph, layer).every((reader) => layers.includes(reader))).toBe(true)
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('ringGroups find NASNet cells and whole rings elsewhere', async () => {
  const nasnet = (await loadModel('nasnetmobile')).graph
  const cells = ringGroups(nasnet, findRings(nasnet)).map(({ root }) => nasnet.layers[root]!.name)
  expect(cells.filter((name) => !name.includes('concat'))).toEqual([])
  expect(cells.length).toBeGreaterThanOrEqual(15)
  const inception = (await loadModel('inceptionresnetv2')).graph
  expect(ringGroups(inception, findRings(inception)).map(({ kind }) => kind)).toHaveLength(43)
})
