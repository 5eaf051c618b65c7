import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { segmentChain } from '../../src/executor/segment-chain.ts'
import type { LayerGraph } from '../../src/model-graph/layer-graph.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import type { Wound } from '../../src/model-graph/wound.ts'
import { crossingShapes, plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import { graphOfEdges } from '../model-graph/built-graph.ts'
import { everyWound } from '../model-graph/compare-cuts.ts'

function valuesAt(graph: LayerGraph, wound: Wound): number {
  return crossingShapes(graph, wound).reduce((sum, { elements }) => sum + elements, 0)
}

test.each([
  ['mobilenetv2', ['block_6_project_BN', 'block_13_project_BN', 'global_average_pooling2d_1']],
  ['zoo:mobilenet', ['dropout', 'reshape_2']],
  ['zoo:vgg19', ['fc1']],
  ['zoo:resnet50', ['avg_pool']],
  ['zoo:inceptionv3', ['avg_pool']],
  ['zoo:nasnetmobile', ['adjust_bn_12+normal_bn_1_12', 'global_average_pooling2d']],
])(
  'plannedWounds() of %s: where fewest values cross, behind normalisation and activation',
  async (name, inner) => {
    const { graph } = await loadModel(name)
    const wounds = plannedWounds(graph)
    expect(wounds.map(({ id }) => id)).toEqual(['input', ...inner, 'local'])
    const values = wounds.slice(0, -1).map((wound) => valuesAt(graph, wound))
    expect(values).toEqual(values.toSorted((a, b) => b - a))
  },
)

test('plannedWounds() takes what a calibration names, of one tensor or several', async () => {
  const { graph } = await loadModel('zoo:nasnetmobile')
  const betweenCells = 'normal_concat_10+normal_concat_11'
  const rows = ['input', betweenCells, betweenCells, 'local'].map((wound) => ({ wound }))
  expect(plannedWounds(graph, { rows }).map(({ id }) => id)).toEqual([
    'input',
    betweenCells,
    'adjust_bn_12+normal_bn_1_12',
    'global_average_pooling2d',
    'local',
  ])
  expect(() => plannedWounds(graph, { rows: [{ wound: 'normal_concat_10' }] })).toThrow(
    /all crossing tensors must be named, current ones are/,
  )
})

const nodes = 9
const pairs = (nodes * (nodes - 1)) / 2
/** Any small graph with any sizes and costs; its inputs are so large that what is inside can undercut them. */
const graphs = fc
  .record({
    bits: fc.array(fc.boolean(), { minLength: pairs, maxLength: pairs }),
    sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: nodes, maxLength: nodes }),
    costs: fc.array(fc.integer({ min: 0, max: 60 }), { minLength: nodes, maxLength: nodes }),
  })
  .map(({ bits, sizes, costs }): LayerGraph => {
    const all = Array.from({ length: nodes }, (_, to) =>
      Array.from({ length: to }, (_, from) => [from, to] as const),
    )
    const edges = all.flat().filter((_, i) => bits[i])
    const read = new Set(edges.map(([, to]) => to))
    const types = sizes.map((_, layer) => (read.has(layer) ? 'Add' : 'InputLayer'))
    const drawn = graphOfEdges(types, edges)
    const sizeOf = (id: number) => (drawn.inputs.includes(id) ? 60 : sizes[id]!)
    const tensors = drawn.tensors.map((tensor) => ({ ...tensor, shape: [sizeOf(tensor.id)] }))
    const layers = drawn.layers.map((layer) => ({ ...layer, operations: costs[layer.index]! }))
    return { ...drawn, tensors, layers }
  })

test('plannedWounds() of any graph nest, shrink, and are at most 6 segments; the calibrated ones come first', () => {
  fc.assert(
    fc.property(graphs, fc.array(fc.nat(), { maxLength: 4 }), (graph, drawn) => {
      const planned = plannedWounds(graph)
      const every = everyWound(graph)
      const known = new Set(every.map(({ id, head }) => `${id} ${head.join()}`))
      for (const { id, head } of planned.slice(1, -1)) expect(known).toContain(`${id} ${head.join()}`)
      // Throws where one does not contain the one before.
      expect(segmentChain(graph, planned).segments.length).toBeLessThanOrEqual(6)
      const bar = valuesAt(graph, planned[0]!) / 6
      const values = planned.slice(1, -1).map((wound) => valuesAt(graph, wound))
      for (const [i, value] of values.entries()) expect(value).toBeLessThan(values[i - 1] ?? bar)
      const singles = singleWounds(graph).slice(1, -1)
      const least = Math.min(...singles.map((wound) => valuesAt(graph, wound)))
      expect(planned.length === 7 || Math.min(bar, ...values) <= least).toBe(true)

      const rows = drawn.map((n) => ({ wound: every[n % every.length]!.id }))
      const calibrated = plannedWounds(graph, { rows })
      segmentChain(graph, calibrated)
      const first = rows.find(({ wound }) => wound !== 'input' && wound !== 'local') ?? { wound: 'input' }
      expect(calibrated.map(({ id }) => id)).toContain(first.wound)
    }),
    { numRuns: 500 },
  )
})
