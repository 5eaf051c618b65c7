import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { referenceCosts, spreadPrices } from '../../src/frontier/reference-pairs.ts'
import type { LayerGraph } from '../../src/model-graph/layer-graph.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import { completedChain, nest } from '../../src/scheduler/completed-chain.ts'
import { plansOf, priceByHand, spaces } from '../frontier/random-space.ts'
import { everyWound } from '../model-graph/compare-cuts.ts'

/** Of a size at which the prices of the reference pairs decide, the input the largest: what is inside can undercut it. */
const graphs = fc
  .record({ space: spaces, sizes: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 9, maxLength: 9 }) })
  .map(({ space: { graph, costs }, sizes }): LayerGraph => {
    const layers = graph.layers.map((layer) => ({ ...layer, operations: 1e8 * costs.edgeUs[layer.index]! }))
    const valuesOf = (id: number) => (graph.inputs.includes(id) ? 1e7 : 16_384 * sizes[id]!)
    const tensors = graph.tensors.map((tensor) => ({ ...tensor, shape: [valuesOf(tensor.id)] }))
    return { ...graph, layers, tensors }
  })
  // Where nothing is computed, the two ends are one wound.
  .filter(({ layers, inputs }) => layers.length > inputs.length)

const samples = spreadPrices(1000)

test('completedChain() lacks no nested wound that is more than 0.5 % cheaper, unless it is full', () => {
  let added = 0
  fc.assert(
    fc.property(graphs, fc.integer({ min: 2, max: 5 }), (graph, most) => {
      const singles = singleWounds(graph)
      const ends = [singles[0]!, singles.at(-1)!]
      const chain = completedChain(graph, ends, most)
      expect(chain.slice(0, 2)).toEqual(ends)
      expect(chain.length).toBeLessThanOrEqual(most)
      added += chain.length - 2
      for (const [i, wound] of chain.entries())
        for (const other of chain.slice(0, i)) expect(nest(wound, other)).toBe(true)
      if (chain.length === most) return
      const every = everyWound(graph)
      let worst = 0
      const open = every.filter((wound) => chain.every((kept) => nest(kept, wound)))
      for (const costs of referenceCosts(graph)) {
        const planned = (wounds: typeof every) =>
          wounds.flatMap((wound) =>
            plansOf({ graph, costs }, wound).map((plan) => ({ plan, isLocal: wound.id === 'local' })),
          )
        const [known, others] = [planned(chain), planned(open)]
        for (const prices of samples) {
          const least = (plans: typeof known) =>
            Math.min(...plans.map(({ plan, isLocal }) => priceByHand(plan, isLocal, prices)))
          worst = Math.max(worst, least(known) / least(others))
        }
      }
      // The frontier is told to a millionth.
      expect(worst).toBeLessThanOrEqual(1.005001)
    }),
    { numRuns: 30 },
  )
  expect(added).toBeGreaterThan(0)
})
