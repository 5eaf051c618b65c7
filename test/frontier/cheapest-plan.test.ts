import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { cheapestPlan } from '../../src/frontier/cheapest-plan.ts'
import { cutNetwork } from '../../src/frontier/cut-network.ts'
import { minCut } from '../../src/frontier/min-cut.ts'
import { type PlanCosts, type Prices, planPrice } from '../../src/frontier/plan-costs.ts'
import { woundFromHead } from '../../src/model-graph/wound-from-head.ts'
import { graphOfEdges } from '../model-graph/built-graph.ts'
import { everyWound } from '../model-graph/compare-cuts.ts'
import { plansOf, priceByHand, spaces } from './random-space.ts'

const price = fc.oneof(fc.constant(0), fc.nat(9))
const prices = fc.record({ edge: price, backend: price, uplink: price, perTensor: price, remote: fc.nat(90) })

test('cheapestPlan() is the cheapest of all down-closed sets and codecs', () => {
  fc.assert(
    fc.property(spaces, prices, (space, prices) => {
      const { graph, costs } = space
      const every = everyWound(graph)
      const found = cheapestPlan(cutNetwork(graph, costs), prices)!
      const best = Math.min(
        ...every.flatMap((wound) =>
          plansOf(space, wound).map((plan) => priceByHand(plan, wound.id === 'local', prices)),
        ),
      )
      expect(planPrice(found, graph.layers.length, prices)).toBe(best)
      // It is a legal wound, and what it says of itself is so.
      const wound = woundFromHead(graph, found.head)
      expect(found.crossing.map(({ tensor }) => tensor)).toEqual(wound.tensors)
      expect(plansOf(space, wound)).toContainEqual(found)
    }),
    { numRuns: 2500 },
  )
})

test('cheapestPlan() with a layer kept in the tail is the cheapest of the wounds that do so', () => {
  fc.assert(
    fc.property(spaces, prices, fc.nat(), (space, prices, draw) => {
      const { graph, costs } = space
      const layer = draw % graph.layers.length
      const every = everyWound(graph).filter(({ head }) => !head.includes(layer))
      const best = Math.min(
        ...every.flatMap((wound) => plansOf(space, wound).map((plan) => priceByHand(plan, false, prices))),
      )
      const found = cheapestPlan(cutNetwork(graph, costs), prices, layer)
      expect(found === undefined ? Infinity : planPrice(found, graph.layers.length, prices)).toBe(best)
    }),
    { numRuns: 1000 },
  )
})

test('cheapestPlan() refuses prices that cannot be told exactly', () => {
  const graph = graphOfEdges(['InputLayer', 'Add'], [[0, 1]])
  const option = { codec: 'c', encodeUs: 0, decodeUs: 0, bytes: 1 }
  const costs: PlanCosts = {
    edgeUs: Float64Array.of(0, 2 ** 40),
    backendUs: Float64Array.of(0, 1),
    crossings: [[option], [option]],
  }
  const dear: Prices = { edge: 2 ** 20, backend: 1, uplink: 1, perTensor: 0, remote: 0 }
  expect(() => cheapestPlan(cutNetwork(graph, costs), dear)).toThrow(/prices must add up to less than 2\^50/)
})

/** A chain whose first layer is the input; `transfer[i]` is what sending layer i's output costs. */
interface Chain {
  readonly edge: readonly number[]
  readonly cloud: readonly number[]
  readonly transfer: readonly number[]
}

function cheapestOfChain({ edge, cloud, transfer }: Chain) {
  const types = edge.map((_, i) => (i === 0 ? 'InputLayer' : 'Add'))
  const graph = graphOfEdges(
    types,
    edge.slice(1).map((_, i) => [i, i + 1]),
  )
  const costs: PlanCosts = {
    edgeUs: Float64Array.from(edge),
    backendUs: Float64Array.from(cloud),
    crossings: transfer.map((bytes) => [{ codec: 'c', encodeUs: 0, decodeUs: 0, bytes }]),
  }
  const prices: Prices = { edge: 1, backend: 1, uplink: 1, perTensor: 0, remote: 0 }
  const plan = cheapestPlan(cutNetwork(graph, costs), prices)!
  return { value: planPrice(plan, edge.length, prices), head: plan.head }
}

/**
 * The graph as DADS publishes it (Hu et al., INFOCOM 2019): an arc from the edge to a layer costs its time in the cloud,
 * one from it to the cloud its time on the edge, one between layers the transfer; none leads back.
 */
function published({ edge, cloud, transfer }: Chain, pinned: boolean) {
  const [source, sink, first] = [0, 1, 2]
  const ends: number[] = []
  const capacities: number[] = []
  const add = (from: number, to: number, cost: number) => {
    ends.push(to, from)
    capacities.push(cost, 0)
  }
  for (const [i, cost] of edge.entries()) {
    add(source, first + i, pinned && i === 0 ? 1e9 : cloud[i]!)
    add(first + i, sink, cost)
    if (i > 0) add(first + i - 1, first + i, transfer[i - 1]!)
  }
  const { value, sourceSide } = minCut({ nodes: first + edge.length, source, sink, ends, capacities })
  return { value, places: edge.map((_, i) => (sourceSide[first + i] === 1 ? 'edge' : 'cloud')) }
}

const counterExample: Chain = { edge: [0, 100, 5, 80], cloud: [0, 4, 12, 3], transfer: [30, 50, 1, 1] }

test('the published graph answers 43 by going to the cloud, back for nothing, and there again; the truth is 49', () => {
  expect(published(counterExample, true)).toEqual({ value: 43, places: ['edge', 'cloud', 'edge', 'cloud'] })
  expect(cheapestOfChain(counterExample)).toEqual({ value: 49, head: [0] })
})

test('the published graph ends on the edge and charges nothing for the way back', () => {
  const backAgain: Chain = { edge: [0, 100, 5], cloud: [0, 4, 90], transfer: [3, 50, 1] }
  expect(published(backAgain, true)).toEqual({ value: 12, places: ['edge', 'cloud', 'edge'] })
  expect(cheapestOfChain(backAgain)).toEqual({ value: 97, head: [0] })
})

test('the published graph has the input in the cloud before anything was sent', () => {
  expect(published(counterExample, false)).toEqual({
    value: 13,
    places: ['cloud', 'cloud', 'edge', 'cloud'],
  })
})
