import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { bestRingWounds, ringWounds, twoBranchWounds } from '../../src/model-graph/ring-wounds.ts'
import { findRings } from '../../src/model-graph/rings.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import { noSharedData, sharedData } from '../shared-data.ts'
import { graphOfEdges } from './built-graph.ts'
import { everyWound, runCut, runWhole, someInputs } from './compare-cuts.ts'

/** A chain, a ring with branches of these lengths, a chain; layers of the branches in a random but legal order. */
const ringGraph = fc
  .record({
    before: fc.integer({ min: 0, max: 2 }),
    after: fc.integer({ min: 0, max: 2 }),
    lengths: fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 4 })),
    turns: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
  })
  .map(({ before, after, lengths, turns }) => {
    const edges: [number, number][] = []
    for (let layer = 1; layer <= before; layer += 1) edges.push([layer - 1, layer])
    const ends = [before, before]
    const left = [...lengths]
    let next = before + 1
    for (let turn = 0; left[0]! + left[1]! > 0; turn += 1) {
      const branch =
        left[turns[turn % turns.length] === true ? 0 : 1]! > 0 === turns[turn % turns.length] ? 0 : 1
      const chosen = left[branch]! > 0 ? branch : 1 - branch
      edges.push([ends[chosen]!, next])
      ends[chosen] = next
      left[chosen]! -= 1
      next += 1
    }
    edges.push([ends[0]!, next], [ends[1]!, next])
    for (let step = 0; step < after; step += 1) edges.push([next + step, next + step + 1])
    const types = Array.from({ length: next + after + 1 }, (_, i) => (i === 0 ? 'InputLayer' : 'Add'))
    return graphOfEdges(types, edges)
  })

test('single wounds and those of a two-branch ring are all down-closed sets there are', () => {
  fc.assert(
    fc.property(ringGraph, (graph) => {
      const key = ({ head, tensors }: { head: readonly number[]; tensors: readonly number[] }) =>
        `${head.join()} ${tensors.join()}`
      const found = [...singleWounds(graph), ...twoBranchWounds(graph)]
      expect(found.map(key).toSorted()).toEqual(everyWound(graph).map(key).toSorted())
      expect(new Set(found.map(({ id }) => id)).size).toBe(found.length)
    }),
    { numRuns: 200 },
  )
})

test('bestRingWounds are those of several tensors that no other wound beats', () => {
  fc.assert(
    fc.property(
      ringGraph,
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 16, maxLength: 16 }),
      (drawn, sizes) => {
        const tensors = drawn.tensors.map((tensor) => ({ ...tensor, shape: [sizes[tensor.id % 16]!] }))
        const layers = drawn.layers.map((layer) => ({
          ...layer,
          operations: sizes[(7 * layer.index + 3) % 16]!,
        }))
        const graph = { ...drawn, tensors, layers }
        const singles = singleWounds(graph)
        const all = [...singles.slice(0, -1), ...findRings(graph).flatMap((ring) => ringWounds(graph, ring))]
        const cost = (wound: (typeof all)[number]) => ({
          values: wound.tensors.reduce((sum, id) => sum + tensors[id]!.shape[0]!, 0),
          operations: wound.head.reduce((sum, index) => sum + layers[index]!.operations, 0),
        })
        const beaten = all.filter((wound, i) =>
          all.some((other, j) => {
            const [a, b] = [cost(wound), cost(other)]
            const better = b.values < a.values || b.operations < a.operations || j < i
            return i !== j && b.values <= a.values && b.operations <= a.operations && better
          }),
        )
        const expected = all.filter((wound) => !beaten.includes(wound) && !singles.includes(wound))
        const ids = (wounds: typeof all) => wounds.map(({ id }) => id).toSorted()
        // Of wounds that cost the same any one will do.
        const costs = (wounds: typeof all) => wounds.map((wound) => JSON.stringify(cost(wound))).toSorted()
        const found = bestRingWounds(graph, singles)
        expect(costs(found)).toEqual(costs(expected))
        expect(ids(found).every((id) => all.some((wound) => wound.id === id))).toBe(true)
      },
    ),
  )
})

const measured = 'latency/dnn-surgery/raspberrypi_frontend.csv'

test("the talk's 103 wounds of ResNet50 are found", async (context) => {
  const path = sharedData(measured)
  if (path === undefined) return context.skip(noSharedData)
  const lines = readFileSync(path, 'utf8').trim().split('\n').slice(1)
  const listed = lines.map((line) =>
    /\[([\d, ]+)\]/
      .exec(line)![1]!
      .split(', ')
      .map(Number)
      .toSorted((a, b) => a - b)
      .join(),
  )
  expect(listed.length).toBe(103)
  const { graph } = await loadModel('resnet50-keras22')
  const wounds = [...singleWounds(graph), ...twoBranchWounds(graph)]
  const found = new Set(wounds.map(({ tensors }) => tensors.map((id) => graph.tensors[id]!.producer).join()))
  expect(listed.filter((wound) => !found.has(wound))).toEqual([])
  // 16 rings: 4 of 8 and 2 layers, 12 of 8 and none.
  expect(wounds.length).toBe(41 + 4 * (9 * 3 - 1) + 12 * 8)
})

test('wounds through an identity shortcut run and give the same answer', async () => {
  const model = await loadModel('zoo:mobilenetv2')
  const rings = findRings(model.graph).filter(({ kind }) => kind === 'residual-identity')
  expect(rings.length).toBe(10)
  const inputs = someInputs(model.graph)
  const [whole] = await runWhole(model, inputs)
  for (const ring of [rings[0]!, rings[6]!]) {
    for (const wound of ringWounds(model.graph, ring)) {
      expect(wound.tensors).toHaveLength(2)
      const [pieces] = await runCut(model, wound, inputs)
      const worst = Math.max(...whole!.data.map((value, i) => Math.abs(value - pieces!.data[i]!)))
      expect([wound.id, worst < 1e-5]).toEqual([wound.id, true])
    }
  }
})
