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
 * Before, what is sure to be on the same side as a neighbour at these prices is joined with it, which takes every layer
 * out that is no fork and no meeting: a chain has none left. Then Dinic's algorithm, see min-cut.ts.
 *
 * DADS (Hu et al., INFOCOM 2019) has neither the arcs back nor the pinned input nor the fixed cost: see the tests.
 */
import type { LayerGraph } from '../model-graph/layer-graph.ts'
import { type CutNetwork, Groups } from './cut-network.ts'
import { minCut } from './min-cut.ts'
import { cheapestOption, type FrontierPlan, type PlanCosts, type Prices } from './plan-costs.ts'

/**
 * @param inTail A layer that is kept out of the head; without it the local plan is one of all.
 * @returns The cheapest plan, of equal ones that with the smallest head; undefined where no wound leaves `inTail` out.
 * @throws {RangeError} where the prices add up to more than can be told exactly.
 */
export function cheapestPlan(network: CutNetwork, prices: Prices, inTail?: number): FrontierPlan | undefined {
  const { edgeUs, backendUs, nodeOf, inputs, lastLayers, costs } = network
  /** What a node costs more on the edge; what it costs on either side does not tell which one is cheaper. */
  const more = edgeUs.map(
    (us, node) => Math.round(prices.edge * us) - Math.round(prices.backend * backendUs[node]!),
  )
  const tensorPrices = network.tensors.map(({ id }) =>
    Math.round(cheapestOption(costs.crossings[id]!, prices)?.price ?? Infinity),
  )
  const remotePrice = Math.round(prices.remote)
  const limit = 1 + remotePrice + sumOf(more, Math.abs) + sumOf(tensorPrices, finite)
  if (!(limit < 2 ** 50)) {
    throw new RangeError(
      `Cannot find the cheapest wound: prices must add up to less than 2^50, current value is ${limit}`,
    )
  }
  // More than all else together can save: before anything is joined, so that it is joined with what stays in the tail.
  if (inTail !== undefined) more[nodeOf[inTail]!]! += 2 * limit
  const groups = joinedAtPrices(network, tensorPrices, more)

  const [source, sink, remote] = [0, 1, 2]
  const place = new Int32Array(more.length)
  let nodes = 3
  const ends: number[] = []
  const capacities: number[] = []
  const add = (from: number, to: number, forth: number, back: number) => {
    ends.push(to, from)
    capacities.push(forth, back)
  }
  for (const [node, excess] of more.entries()) {
    if (groups.of(node) !== node) continue
    const own = nodes++
    place[node] = own
    if (excess > 0) add(own, sink, excess, 0)
    else add(source, own, -excess, 0)
  }
  const placeOf = (node: number) => place[groups.of(node)]!
  for (const node of inputs) add(source, placeOf(node), limit, 0)
  add(source, remote, remotePrice, 0)
  for (const layer of lastLayers) add(remote, placeOf(nodeOf[layer]!), limit, 0)
  for (const [i, { producer, readers, isAnswer }] of network.tensors.entries()) {
    const from = placeOf(producer)
    const places = readers.map(placeOf).filter((place, j, all) => place !== from && all.indexOf(place) === j)
    if (places.length === 0 && !isAnswer) continue
    const price = Math.min(tensorPrices[i]!, limit)
    if (places.length === 1 && !isAnswer) {
      add(from, places[0]!, price, limit)
      continue
    }
    const own = nodes++
    add(from, own, price, 0)
    for (const place of places) {
      add(own, place, limit, 0)
      add(place, from, limit, 0)
    }
    if (isAnswer) add(own, remote, limit, 0)
  }
  const { value, sourceSide } = minCut({ nodes, source, sink, ends, capacities })
  if (value >= limit) return undefined
  const nodeSide = place.map((_, node) => sourceSide[placeOf(node)]!)
  const head: number[] = []
  for (const [layer, node] of nodeOf.entries()) if (nodeSide[node] === 1) head.push(layer)
  return planOfHead(network.graph, costs, prices, head)
}

/**
 * Joins each node that one other node reads alone
 * - with its reader where giving its output costs no less than being given all it reads: then it is on the backend
 *   whenever the reader is (on the edge it must be when the reader is);
 * - with its producer where it costs less, and reads one tensor that nothing else reads: then it is on the edge whenever
 *   the producer is.
 *
 * One of the two holds for every layer of a chain. Each join makes one node less and one new question: O(nodes).
 * @param more By node; of groups, the sum is then at the node that names the group.
 */
function joinedAtPrices(network: CutNetwork, tensorPrices: readonly number[], more: Float64Array): Groups {
  const { tensors } = network
  const count = more.length
  const groups = new Groups(count)
  /** By node: what it makes and reads, the only one where the count is 1, and the price of all it reads. */
  const made = new Int32Array(count)
  const madeCount = new Int32Array(count)
  const read = new Int32Array(count)
  const readCount = new Int32Array(count)
  const readPrice = new Float64Array(count)
  for (const [i, { producer, readers }] of tensors.entries()) {
    made[producer] = i
    madeCount[producer]! += 1
    for (const reader of readers) {
      read[reader] = i
      readCount[reader]! += 1
      readPrice[reader]! += tensorPrices[i]!
    }
  }
  const isPrivate = (tensor: number) => !tensors[tensor]!.isAnswer && tensors[tensor]!.readers.length === 1
  const pinned = new Set(network.inputs)
  for (let first = 0; first < count; first++) {
    let node = groups.of(first)
    while (!pinned.has(node) && madeCount[node] === 1 && readCount[node]! > 0 && isPrivate(made[node]!)) {
      const output = made[node]!
      const reader = groups.of(tensors[output]!.readers[0]!)
      if (more[node]! + tensorPrices[output]! >= readPrice[node]!) {
        groups.join(node, reader)
        more[reader]! += more[node]!
        // A tensor that both read counts twice: what is joined is then fewer, not wrong.
        readPrice[reader]! += readPrice[node]! - tensorPrices[output]!
        readCount[reader]! += readCount[node]! - 1
        read[reader] = read[node]!
        break
      }
      const input = read[node]!
      if (readCount[node] !== 1 || !isPrivate(input)) break
      const producer = groups.of(tensors[input]!.producer)
      if (madeCount[producer] !== 1) break
      groups.join(node, producer)
      more[producer]! += more[node]!
      made[producer] = output
      // What was joined may now be better off with the reader.
      node = producer
    }
  }
  return groups
}

/** The plan with a head, each crossing tensor in the codec that is cheapest at the prices. O(layers + tensors). */
export function planOfHead(
  graph: LayerGraph,
  costs: PlanCosts,
  prices: Prices,
  head: readonly number[],
): FrontierPlan {
  const inHead = new Uint8Array(graph.layers.length)
  let edgeUs = 0
  for (const layer of head) {
    inHead[layer] = 1
    edgeUs += costs.edgeUs[layer]!
  }
  let backendUs = 0
  for (let layer = 0; layer < inHead.length; layer++) {
    if (inHead[layer] === 0) backendUs += costs.backendUs[layer]!
  }
  const crossing: { tensor: number; codec: string }[] = []
  let uplinkBytes = 0
  if (head.length < graph.layers.length) {
    const answers = new Set(graph.outputs)
    for (const { id, producer, consumers } of graph.tensors) {
      if (inHead[producer] === 0) continue
      if (!answers.has(id) && consumers.every((layer) => inHead[layer] === 1)) continue
      const { option } = cheapestOption(costs.crossings[id]!, prices)!
      crossing.push({ tensor: id, codec: option.codec })
      edgeUs += option.encodeUs
      uplinkBytes += option.bytes
      backendUs += option.decodeUs
    }
  }
  return { head, crossing, edgeUs, uplinkBytes, backendUs }
}

function sumOf(values: Iterable<number>, of: (value: number) => number): number {
  let total = 0
  for (const value of values) total += of(value)
  return total
}

function finite(price: number): number {
  return price === Infinity ? 0 : price
}
