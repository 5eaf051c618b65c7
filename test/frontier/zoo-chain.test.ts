import { expect, test } from 'vitest'
import { crossingOptions } from '../../src/frontier/crossing-options.ts'
import { frontier } from '../../src/frontier/frontier.ts'
import { layerTimesUs } from '../../src/frontier/layer-times.ts'
import { cheapestOption, type PlanCosts, type Prices, planPrice } from '../../src/frontier/plan-costs.ts'
import { LayerRegression } from '../../src/latency-model/layer-regression.ts'
import type { LayerWork } from '../../src/latency-model/layer-work.ts'
import { graphFromKeras } from '../../src/model-graph/keras-topology.ts'
import type { LayerGraph } from '../../src/model-graph/layer-graph.ts'
import { zooModels } from '../../src/model-graph/zoo/zoo.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'

const nominal = new LayerRegression()
const nominalMs = (works: readonly LayerWork[]) => nominal.predictMs(works, 0)

/** A hundred times the arithmetic and 25 times the memory, but each layer costs a launch: some are quicker on the edge. */
function launchedMs(works: readonly LayerWork[]): number {
  return works.reduce(
    (sum, { operations, bytesMoved, weightBytes }) =>
      sum + 0.05 + operations / 1e9 + (bytesMoved + weightBytes) / 1e8,
    0,
  )
}

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
function gaps(graph: LayerGraph, backendMs: (works: readonly LayerWork[]) => number): number[] {
  const costs: PlanCosts = {
    edgeUs: layerTimesUs(graph, nominalMs),
    backendUs: layerTimesUs(graph, backendMs),
    crossings: crossingOptions(graph),
  }
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
      const crossing = tensors.map((tensor) => cheapestOption(costs.crossings[tensor]!, prices)!.price)
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
  'plannedWounds($name) holds a plan within 0.5 % of the optimum for machines alike',
  ({ graph }) => {
    const found = gaps(graph, nominalMs)
    expect(Math.max(...found)).toBeLessThanOrEqual(0.005)
    // The optimum is one: nothing is below it.
    expect(Math.min(...found)).toBeGreaterThan(-1e-6)
  },
)

// Missed where a layer may be quicker on the edge: up to 3 %, for fewer than one price vector in a hundred. One more
// border would cost every request as much as that.
test.each(zoo)(
  'plannedWounds($name) is within 0.5 % for 99 % of prices where launching a layer costs',
  ({ graph }) => {
    const found = gaps(graph, launchedMs)
    expect(found.filter((gap) => gap > 0.005).length).toBeLessThan(10)
    expect(Math.max(...found)).toBeLessThan(0.035)
    expect(Math.min(...found)).toBeGreaterThan(-1e-6)
  },
)
