import * as fc from 'fast-check'
import type { CrossingOption, FrontierPlan, PlanCosts, Prices } from '../../src/frontier/plan-costs.ts'
import type { LayerGraph } from '../../src/model-graph/layer-graph.ts'
import type { Wound } from '../../src/model-graph/wound.ts'
import { graphOfEdges } from '../model-graph/built-graph.ts'

export interface Space {
  readonly graph: LayerGraph
  readonly costs: PlanCosts
}

const nodes = 9
const pairs = (nodes * (nodes - 1)) / 2
/** Zero is as likely as all other costs together in some spaces, and the edge quicker than the backend in many. */
const cost = fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: fc.nat(60) })
const option = fc.record({ encodeUs: fc.nat(5), decodeUs: fc.nat(5), bytes: cost })

/** Any directed acyclic graph: dense or sparse, several inputs and outputs, tensors read by many. */
const drawnGraph = fc
  .record({
    density: fc.integer({ min: 1, max: 9 }),
    draws: fc.array(fc.nat(9), { minLength: pairs, maxLength: pairs }),
  })
  .map(({ density, draws }) => {
    const all = Array.from({ length: nodes }, (_, to) =>
      Array.from({ length: to }, (_, from) => [from, to] as const),
    )
    return all.flat().filter((_, i) => draws[i]! < density)
  })
/** A ring of many one-layer branches between two layers, and one around it. */
const wideRing = fc.integer({ min: 2, max: 6 }).map((branches) => {
  const last = branches + 2
  const ways = Array.from({ length: branches }, (_, i) => i + 2)
  return [
    [0, 1] as const,
    [1, last] as const,
    ...ways.flatMap((way) => [[1, way] as const, [way, last] as const]),
  ]
})

export const spaces: fc.Arbitrary<Space> = fc
  .record({
    edges: fc.oneof({ weight: 4, arbitrary: drawnGraph }, { weight: 1, arbitrary: wideRing }),
    edge: fc.array(cost, { minLength: nodes, maxLength: nodes }),
    backend: fc.array(cost, { minLength: nodes, maxLength: nodes }),
    options: fc.array(fc.array(option, { maxLength: 3 }), { minLength: nodes, maxLength: nodes }),
    alwaysCrossable: fc.boolean(),
    moreOutputs: fc.array(fc.nat(nodes - 1), { maxLength: 2 }),
  })
  .map(({ edges, edge, backend, options, alwaysCrossable, moreOutputs }) => {
    const read = new Set(edges.map(([, to]) => to))
    const types = edge.map((_, layer) => (read.has(layer) ? 'Add' : 'InputLayer'))
    const drawn = graphOfEdges(types, edges)
    const inputs = new Set(drawn.inputs)
    const outputs = [...new Set([...drawn.outputs, ...moreOutputs.filter((id) => !inputs.has(id))])]
    const graph: LayerGraph = { ...drawn, outputs: outputs.toSorted((a, b) => a - b) }
    const ofLayers = (us: readonly number[]) =>
      Float64Array.from(us, (value, i) => (inputs.has(i) ? 0 : value))
    const crossings = options.map((found, id): CrossingOption[] => {
      const listed = found.map((drawn, i) => ({ codec: `c${i}`, ...drawn }))
      return listed.length === 0 && alwaysCrossable
        ? [{ codec: 'c', encodeUs: 0, decodeUs: 0, bytes: 7 * id }]
        : listed
    })
    return { graph, costs: { edgeUs: ofLayers(edge), backendUs: ofLayers(backend), crossings } }
  })

/** Every plan of a wound: all ways to choose the codecs of what crosses; none where a tensor may not. */
export function plansOf({ graph, costs }: Space, wound: Wound): FrontierPlan[] {
  const inHead = new Set(wound.head)
  let plans: FrontierPlan[] = [
    {
      head: wound.head,
      crossing: [],
      edgeUs: wound.head.reduce((sum, layer) => sum + costs.edgeUs[layer]!, 0),
      uplinkBytes: 0,
      backendUs: graph.layers.reduce(
        (sum, { index }) => sum + (inHead.has(index) ? 0 : costs.backendUs[index]!),
        0,
      ),
    },
  ]
  for (const tensor of wound.tensors) {
    plans = plans.flatMap((plan) =>
      costs.crossings[tensor]!.map(({ codec, encodeUs, decodeUs, bytes }) => ({
        ...plan,
        crossing: [...plan.crossing, { tensor, codec }],
        edgeUs: plan.edgeUs + encodeUs,
        uplinkBytes: plan.uplinkBytes + bytes,
        backendUs: plan.backendUs + decodeUs,
      })),
    )
  }
  return plans
}

/** Written out again, so that the tests do not lean on what they try. */
export function priceByHand(plan: FrontierPlan, isLocal: boolean, prices: Prices): number {
  return (
    plan.edgeUs * prices.edge +
    plan.uplinkBytes * prices.uplink +
    plan.backendUs * prices.backend +
    plan.crossing.length * prices.perTensor +
    (isLocal ? 0 : prices.remote)
  )
}
