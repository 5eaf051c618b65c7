import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { frontier } from '../../src/frontier/frontier.ts'
import { woundFromHead } from '../../src/model-graph/wound-from-head.ts'
import { everyWound } from '../model-graph/compare-cuts.ts'
import { plansOf, priceByHand, spaces } from './random-space.ts'

const price = fc.double({ min: 0.01, max: 1, noNaN: true })
const prices = fc.record({
  edge: price,
  backend: price,
  uplink: price,
  perTensor: fc.constant(0),
  remote: fc.nat(40),
})

test('frontier() holds the cheapest of all down-closed sets and codecs at any prices, each plan once', () => {
  fc.assert(
    fc.property(spaces, fc.array(prices, { minLength: 20, maxLength: 20 }), (space, many) => {
      const { graph } = space
      const isLocal = (head: readonly number[]) => head.length === graph.layers.length
      const found = frontier(space.graph, space.costs)
      const every = everyWound(graph).flatMap((wound) => plansOf(space, wound))
      for (const prices of many) {
        const cheapest = (plans: typeof found) =>
          Math.min(...plans.map((plan) => priceByHand(plan, isLocal(plan.head), prices)))
        expect(cheapest(found) / cheapest(every) || 1).toBeCloseTo(1, 5)
      }
      for (const plan of found) expect(plansOf(space, woundFromHead(graph, plan.head))).toContainEqual(plan)
      const keys = found.map((plan) => JSON.stringify(plan))
      expect(new Set(keys).size).toBe(keys.length)
      expect(isLocal(found.at(-1)!.head)).toBe(true)
    }),
    { numRuns: 500 },
  )
})

test('every plan of a frontier but the local one is cheaper than all others at some prices', () => {
  fc.assert(
    fc.property(spaces, (space) => {
      const remote = frontier(space.graph, space.costs).slice(0, -1)
      for (const plan of remote) {
        const dominated = remote.some(
          (other) =>
            other !== plan &&
            other.edgeUs <= plan.edgeUs &&
            other.uplinkBytes <= plan.uplinkBytes &&
            other.backendUs <= plan.backendUs,
        )
        expect(dominated).toBe(false)
      }
    }),
    { numRuns: 500 },
  )
})
