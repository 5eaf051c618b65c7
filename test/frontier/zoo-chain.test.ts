import { expect, test } from 'vitest'
import { frontier } from '../../src/frontier/frontier.ts'
import { type PlanCosts, type Prices, planPrice } from '../../src/frontier/plan-costs.ts'
import { referenceCosts } from '../../src/frontier/reference-pairs.ts'
import { graphFromKeras } from '../../src/model-graph/keras-topology.ts'
import type { LayerGraph } from '../../src/model-graph/layer-graph.ts'
import { zooModels } from '../../src/model-graph/zoo/zoo.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'

/** Deterministic, so that what is asserted is what was measured. */
function* drawnPrices(count: number): Generator<Prices> {
  let state = 1
  const draw = () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31
  }
  for (let i = 0; i < count; i++) {
    const backend = 10 ** (draw() * 4 - 2)
    // 0.03 to 300 Mbps on an edge of 10 Gflop/s.
    const uplink = 8 / 10 ** (draw() * 4 - 1.5)
    yield { edge: 1, backend, uplink, perTensor: 0, remote: 200_000 * draw() * draw() }
  }
}

/** What the cheapest plan of the chain costs more than the cheapest of all, for each of 1,000 price vectors. */
function gaps(graph: LayerGraph, costs: PlanCosts): number[] {
  const plans = frontier(graph, costs)
  const chain = plannedWounds(graph).map(({ id, head, tensors }) => {
    const inHead = new Set(head)
    const sum = (us: Float64Array, side: boolean) =>
      us.reduce((total, each, layer) => (inHead.has(layer) === side ? total + each : total), 0)
    return { id, tensors, edgeUs: sum(costs.edgeUs, true), backendUs: sum(costs.backendUs, false) }
  })
  return [...drawnPrices(1000)].map((prices) => {
    const best = Math.min(...plans.map((plan) => planPrice(plan, graph.layers.length, prices)))
    const ofChain = chain.map(({ id, tensors, edgeUs, backendUs }) => {
      const crossing = tensors.map((tensor) => {
        const ways = costs.crossings[tensor]!.map(
          ({ encodeUs, decodeUs, bytes }) => encodeUs + prices.backend * decodeUs + prices.uplink * bytes,
        )
        return Math.min(...ways)
      })
      const remote = id === 'local' ? 0 : prices.remote
      return remote + edgeUs + prices.backend * backendUs + crossing.reduce((sum, price) => sum + price, 0)
    })
    return Math.min(...ofChain) / best - 1
  })
}

const zoo = zooModels.map((model) => ({
  name: model.name,
  graph: graphFromKeras(model.build().topology, { origin: model.name }),
}))

test.each(zoo)(
  'plannedWounds($name) holds a plan within 0.5 % of the optimum, whether launching a layer costs or not',
  ({ graph }) => {
    for (const costs of referenceCosts(graph)) {
      const found = gaps(graph, costs)
      expect(Math.max(...found)).toBeLessThanOrEqual(0.005)
      // The optimum is one: nothing is below it.
      expect(Math.min(...found)).toBeGreaterThan(-1e-6)
    }
  },
)

test.each([
  ['nasnetlarge', 'reduction_concat_stem_2+adjust_bn_0'],
  ['inceptionresnetv2', 'block35_10_ac'],
])(
  'plannedWounds(%s) has a wound that undercuts nothing, for edges that are quicker to launch',
  (name, added) => {
    const { graph } = zoo.find((model) => model.name === name)!
    expect(plannedWounds(graph).map(({ id }) => id)).toContain(added)
    expect(plannedWounds(graph, { rows: [] }).map(({ id }) => id)).not.toContain(added)
  },
)
