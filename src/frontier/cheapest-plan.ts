/**
 * The cheapest wound at given prices, of all down-closed sets of layers, as a minimum cut. The source's side is the head.
 *
 * - An arc from the source to a layer costs what the layer takes on the backend, one from the layer to the sink what it
 *   takes on the edge; input layers are pinned to the source.
 * - A tensor is charged once however many layers read it: its producer leads to a node of its own at the price of the
 *   cheapest codec, and that to every reader without limit.
 * - Every reader leads to the producer without limit, so that nothing flows back from the backend to the edge.
 * - One node stands for "not all is local": it costs the price of a remote answer unless it is on the source's side,
 *   where every layer must then be. What the head has made of the model's answer crosses to it.
 *
 * Before, what is sure to be on the same side as a neighbour at these prices is joined with it (joined-at-prices.ts), which
 * takes every layer out that is no fork and no meeting: a chain has none left. Then Dinic's algorithm (min-cut.ts).
 *
 * DADS (Hu et al., INFOCOM 2019) has neither the arcs back nor the pinned input nor the fixed cost: see the tests.
 */
import { type CutNetwork, cheapestOptionOf, optionPrice } from './cut-network.ts'
import { joinedAtPrices } from './joined-at-prices.ts'
import { type FlowNetwork, minCut } from './min-cut.ts'
import type { FrontierPlan, Prices } from './plan-costs.ts'

/**
 * @param inTail A layer that is kept out of the head; without it the local plan is one of all.
 * @returns The cheapest plan, of equal ones that with the smallest head; undefined where no wound leaves `inTail` out.
 * @throws {RangeError} where the prices add up to more than can be told exactly.
 */
export function cheapestPlan(network: CutNetwork, prices: Prices, inTail?: number): FrontierPlan | undefined {
  const { edgeUs, backendUs, nodeOf } = network
  const nodes = edgeUs.length
  const tensorPrices = pricesOfTensors(network, prices)
  const remotePrice = Math.round(prices.remote)
  /** More than any cut that cuts no arc which must not be cut. */
  let limit = 1 + remotePrice
  for (let t = 0; t < tensorPrices.length; t++) if (tensorPrices[t]! < Infinity) limit += tensorPrices[t]!
  /** What a node costs more on the edge; what it costs on either side does not tell which one is cheaper. */
  const more = new Float64Array(nodes)
  for (let node = 0; node < nodes; node++) {
    more[node] = Math.round(prices.edge * edgeUs[node]!) - Math.round(prices.backend * backendUs[node]!)
    limit += Math.abs(more[node]!)
  }
  if (!(limit < 2 ** 50)) {
    throw new RangeError(
      `Cannot find the cheapest wound: prices must add up to less than 2^50, current value is ${limit}`,
    )
  }
  // More than all else together can save: before anything is joined, so that it is joined with what stays in the tail.
  if (inTail !== undefined) more[nodeOf[inTail]!]! += 2 * limit
  const { flow, place } = flowNetwork(network, { tensorPrices, more, remotePrice, limit })
  const { value, sourceSide } = minCut(flow)
  if (value >= limit) return undefined
  const inHead = new Uint8Array(nodes)
  for (let node = 0; node < nodes; node++) inHead[node] = sourceSide[place[node]!]!
  return planOf(network, prices, inHead)
}

interface Capacities {
  readonly tensorPrices: Float64Array
  /** By node; those of a group are added up on the way. */
  readonly more: Float64Array
  readonly remotePrice: number
  readonly limit: number
}

/** The network at some prices, and where each node is in it, most of them with others. */
function flowNetwork(
  network: CutNetwork,
  { tensorPrices, more, remotePrice, limit }: Capacities,
): { flow: FlowNetwork; place: Int32Array } {
  const { nodeOf, isInput, lastLayers, tensors } = network
  const { producer, firstReader, readers, isAnswer } = tensors
  const nodes = more.length
  const groups = joinedAtPrices(network, tensorPrices, more)
  const [source, sink, remote] = [0, 1, 2]
  let places = 3
  const arcs = new Arcs(2 * nodes + lastLayers.length + 1 + 2 * (tensors.count + readers.length))
  const place = new Int32Array(nodes)
  for (let node = 0; node < nodes; node++) {
    if (groups.of(node) !== node) continue
    const own = places++
    place[node] = own
    if (more[node]! > 0) arcs.add(own, sink, more[node]!, 0)
    else arcs.add(source, own, -more[node]!, 0)
  }
  /** Nodes as they stand in the model, each tensor behind its producer: most paths run along the model or back. */
  const order = new Int32Array(places + tensors.count)
  for (let node = 0; node < nodes; node++) {
    place[node] = place[groups.of(node)]!
    order[place[node]!] = 2 * node
    if (isInput[node] === 1) arcs.add(source, place[node]!, limit, 0)
  }
  order[remote] = 2 * nodes
  arcs.add(source, remote, remotePrice, 0)
  for (const layer of lastLayers) arcs.add(remote, place[nodeOf[layer]!]!, limit, 0)
  /** By place: 1 + the last tensor that was found to be made or read there. */
  const seen = new Int32Array(places)
  for (let t = 0; t < tensors.count; t++) {
    const from = place[producer[t]!]!
    seen[from] = t + 1
    let reader = from
    let count = 0
    for (let i = firstReader[t]!; i < firstReader[t + 1]!; i++) {
      const at = place[readers[i]!]!
      if (seen[at] === t + 1) continue
      seen[at] = t + 1
      reader = at
      count += 1
    }
    if (count === 0 && isAnswer[t] === 0) continue
    const price = Math.min(tensorPrices[t]!, limit)
    if (count === 1 && isAnswer[t] === 0) {
      arcs.add(from, reader, price, limit)
      continue
    }
    const own = places++
    order[own] = order[from]! + 1
    arcs.add(from, own, price, 0)
    if (isAnswer[t] === 1) arcs.add(own, remote, limit, 0)
    for (let i = firstReader[t]!; i < firstReader[t + 1]!; i++) {
      const at = place[readers[i]!]!
      if (at === from) continue
      arcs.add(own, at, limit, 0)
      arcs.add(at, from, limit, 0)
    }
  }
  return { flow: { nodes: places, source, sink, order, ...arcs.list() }, place }
}

/** What crossing costs, in whole units; infinite where a tensor may not cross. */
function pricesOfTensors({ tensors }: CutNetwork, prices: Prices): Float64Array {
  const found = new Float64Array(tensors.count).fill(Infinity)
  for (let t = 0; t < tensors.count; t++) {
    const option = cheapestOptionOf(tensors, t, prices)
    if (option >= 0) found[t] = Math.round(optionPrice(tensors, option, prices))
  }
  return found
}

/** Pairs of arcs as {@link minCut} takes them. */
class Arcs {
  private readonly ends: Int32Array
  private readonly capacities: Float64Array
  private length = 0

  constructor(mostPairs: number) {
    this.ends = new Int32Array(2 * mostPairs)
    this.capacities = new Float64Array(2 * mostPairs)
  }

  add(from: number, to: number, forth: number, back: number): void {
    this.ends[this.length] = to
    this.capacities[this.length++] = forth
    this.ends[this.length] = from
    this.capacities[this.length++] = back
  }

  list(): { ends: Int32Array; capacities: Float64Array } {
    return {
      ends: this.ends.subarray(0, this.length),
      capacities: this.capacities.subarray(0, this.length),
    }
  }
}

/**
 * The plan with a head, each crossing tensor in the codec that is cheapest at the prices. O(layers + tensors).
 * @param inHead 1 for each node of the network that is in the head.
 */
export function planOf(network: CutNetwork, prices: Prices, inHead: Uint8Array): FrontierPlan {
  const { nodeOf, tensors } = network
  const { producer, firstReader, readers } = tensors
  const head: number[] = []
  for (let layer = 0; layer < nodeOf.length; layer++) if (inHead[nodeOf[layer]!] === 1) head.push(layer)
  let [edgeUs, uplinkBytes, backendUs] = [0, 0, 0]
  for (let node = 0; node < inHead.length; node++) {
    if (inHead[node] === 1) edgeUs += network.edgeUs[node]!
    else backendUs += network.backendUs[node]!
  }
  const isLocal = head.length === nodeOf.length
  const crossing: { tensor: number; codec: string }[] = []
  for (let t = 0; t < tensors.count; t++) {
    if (inHead[producer[t]!] === 0) continue
    let crosses = tensors.isAnswer[t] === 1 && !isLocal
    for (let i = firstReader[t]!; i < firstReader[t + 1]! && !crosses; i++) {
      crosses = inHead[readers[i]!] === 0
    }
    if (!crosses) continue
    const option = cheapestOptionOf(tensors, t, prices)
    crossing.push({ tensor: tensors.ids[t]!, codec: tensors.codecs[option]! })
    edgeUs += tensors.encodeUs[option]!
    uplinkBytes += tensors.bytes[option]!
    backendUs += tensors.decodeUs[option]!
  }
  return { head, crossing, edgeUs, uplinkBytes, backendUs }
}
