import { planOf } from '../frontier/cheapest-plan.ts'
import { type CutNetwork, cutNetwork } from '../frontier/cut-network.ts'
import { frontier } from '../frontier/frontier.ts'
import { planPrice } from '../frontier/plan-costs.ts'
import { referenceCosts, spreadPrices } from '../frontier/reference-pairs.ts'
import type { LayerGraph } from '../model-graph/layer-graph.ts'
import type { Wound } from '../model-graph/wound.ts'
import { woundFromHead } from '../model-graph/wound-from-head.ts'

/** What a plan may cost more than the cheapest of all. */
const tolerance = 0.005
const samples = 1000

/**
 * Nested wounds and, one after the other, those of the frontier that they lack: until no plan that nests with all of them
 * is cheaper by more than 0.5 %, for either of two pairs of machines at 1,000 prices, or they are as many as may be. Each
 * time the wound that is missed most. Two frontiers, and O(prices x plans) per wound added.
 */
export function completedChain(graph: LayerGraph, wounds: readonly Wound[], most: number): Wound[] {
  const prices = spreadPrices(samples)
  const pairs = referenceCosts(graph).map((costs) => ({
    network: cutNetwork(graph, costs),
    optimal: frontier(graph, costs).map((plan) => ({ plan, wound: woundFromHead(graph, plan.head) })),
  }))
  const chain = [...wounds]
  while (chain.length < most) {
    let missed: Wound | undefined
    let largest = tolerance
    for (const { network, optimal } of pairs) {
      const others = optimal.filter(({ wound }) => chain.every((kept) => nest(kept, wound)))
      if (others.length === 0) continue
      const known = chain.map((wound) => planOf(network, prices[0]!, nodesIn(network, wound)))
      for (const at of prices) {
        const priced = others.map(({ plan }) => planPrice(plan, graph.layers.length, at))
        const least = Math.min(...priced)
        const gap = Math.min(...known.map((plan) => planPrice(plan, graph.layers.length, at))) / least - 1
        if (!(gap > largest)) continue
        largest = gap
        missed = others[priced.indexOf(least)]!.wound
      }
    }
    if (missed === undefined) break
    chain.push(missed)
  }
  return chain
}

function nodesIn({ nodeOf, edgeUs }: CutNetwork, { head }: Wound): Uint8Array {
  const inHead = new Uint8Array(edgeUs.length)
  for (const layer of head) inHead[nodeOf[layer]!] = 1
  return inHead
}

/** Whether one head is part of the other and not the same. */
export function nest(a: Wound, b: Wound): boolean {
  const [small, large] = a.head.length < b.head.length ? [a.head, new Set(b.head)] : [b.head, new Set(a.head)]
  return small.length < large.size && small.every((layer) => large.has(layer))
}
