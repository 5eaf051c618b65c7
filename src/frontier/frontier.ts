/**
 * The frontier of a model between two machines: every plan that is the cheapest at some prices of the edge's time, the
 * uplink's bytes and the backend's time. No other plan can be best, whatever the link and whatever waits where, as long
 * as what it costs is a sum over these. Made once per model, machine pair and calibration: about three minimum cuts a plan.
 */
import type { LayerGraph } from '../model-graph/layer-graph.ts'
import { lowerHull, type Triple } from './breakpoints.ts'
import { cheapestPlan } from './cheapest-plan.ts'
import { type CutNetwork, cutNetwork } from './cut-network.ts'
import { type FrontierPlan, type PlanCosts, type Prices, planPrice } from './plan-costs.ts'

/** How finely a resource's whole amount is told: rounding each arc to a unit stays below a millionth of the price. */
const unitsPerWhole = 2 ** 32

/** @returns By what the edge computes, the local plan last. */
export function frontier(graph: LayerGraph, costs: PlanCosts): FrontierPlan[] {
  const network = cutNetwork(graph, costs)
  const local: FrontierPlan = {
    head: graph.layers.map(({ index }) => index),
    crossing: [],
    edgeUs: sum(costs.edgeUs),
    uplinkBytes: 0,
    backendUs: 0,
  }
  const whole = wholes(graph, costs, local)
  if (cheapestRemote(network, pricesOf([1, 1, 1], whole)) === undefined) return [local]
  const hull = lowerHull((weights: Triple) => {
    const plan = cheapestRemote(network, pricesOf(weights, whole))!
    const takes: Triple = [plan.edgeUs / whole[0], plan.uplinkBytes / whole[1], plan.backendUs / whole[2]]
    return { plan, takes }
  })
  const remote = hull.map(({ plan }) => plan)
  return [...remote.toSorted((a, b) => a.edgeUs - b.edgeUs || b.uplinkBytes - a.uplinkBytes), local]
}

/** The cheapest plan that leaves something to the backend: one of the last layers is among that. */
function cheapestRemote(network: CutNetwork, prices: Prices): FrontierPlan | undefined {
  const layers = network.nodeOf.length
  return network.lastLayers
    .flatMap((layer) => cheapestPlan(network, prices, layer) ?? [])
    .map((plan) => ({ plan, price: planPrice(plan, layers, prices) }))
    .toSorted((a, b) => a.price - b.price)[0]?.plan
}

/** Amounts of the resources that count as one: what makes all three prices comparable. */
function wholes(graph: LayerGraph, costs: PlanCosts, local: FrontierPlan): Triple {
  const smallest = graph.tensors.map(({ id }) => Math.min(...costs.crossings[id]!.map(({ bytes }) => bytes)))
  const inputBytes = sum(graph.inputs.map((id) => smallest[id]!).filter((bytes) => bytes < Infinity))
  const meanBytes = sum(smallest.filter((bytes) => bytes < Infinity)) / smallest.length
  return [local.edgeUs || 1, inputBytes || meanBytes || 1, sum(costs.backendUs) || 1]
}

function pricesOf(weights: Triple, whole: Triple): Prices {
  return {
    edge: (weights[0] * unitsPerWhole) / whole[0],
    uplink: (weights[1] * unitsPerWhole) / whole[1],
    backend: (weights[2] * unitsPerWhole) / whole[2],
    perTensor: 0,
    remote: 0,
  }
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
