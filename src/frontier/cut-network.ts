import type { LayerGraph } from '../model-graph/layer-graph.ts'
import { Groups } from './groups.ts'
import type { PlanCosts, Prices } from './plan-costs.ts'

/**
 * What of a layer graph matters to its cuts, whatever the prices: nodes, which are layers or several that no tensor may
 * cross between, and the tensors that can cross between them, each once however many read it. Everything by index and in
 * typed arrays, because every cut reads all of it.
 */
export interface CutNetwork {
  /** Node of each layer, ascending with the first layer of each. */
  readonly nodeOf: Int32Array
  readonly edgeUs: Float64Array
  readonly backendUs: Float64Array
  /** 1 for the nodes that are in every head. */
  readonly isInput: Uint8Array
  readonly tensors: CrossableTensors
  /** Layers that nothing reads: one of them is in the tail of every wound but `local`. */
  readonly lastLayers: readonly number[]
}

/** Each by its place `t` among those that can cross. */
export interface CrossableTensors {
  readonly count: number
  /** In `LayerGraph.tensors`. */
  readonly ids: Int32Array
  readonly producer: Int32Array
  /** Nodes other than the producer: `readers[firstReader[t]]` to before `readers[firstReader[t + 1]]`. */
  readonly firstReader: Int32Array
  readonly readers: Int32Array
  /** 1 where it crosses to whoever gives the answer, unless that is the edge. */
  readonly isAnswer: Uint8Array
  /** In which codecs, as with the readers. */
  readonly firstOption: Int32Array
  readonly codecs: readonly string[]
  readonly encodeUs: Float64Array
  readonly decodeUs: Float64Array
  readonly bytes: Float64Array
}

/** O(layers + tensors). */
export function cutNetwork(graph: LayerGraph, costs: PlanCosts): CutNetwork {
  const { layers } = graph
  const { nodeOf, nodes } = joinedLayers(graph, costs)
  const edgeUs = new Float64Array(nodes)
  const backendUs = new Float64Array(nodes)
  for (const { index } of layers) {
    edgeUs[nodeOf[index]!]! += costs.edgeUs[index]!
    backendUs[nodeOf[index]!]! += costs.backendUs[index]!
  }
  const isInput = new Uint8Array(nodes)
  for (const id of graph.inputs) isInput[nodeOf[graph.tensors[id]!.producer]!] = 1
  const lastLayers = layers
    .filter(({ outputs }) => outputs.every((id) => graph.tensors[id]!.consumers.length === 0))
    .map(({ index }) => index)
  const tensors = crossableTensors(graph, costs, nodeOf)
  return { nodeOf, edgeUs, backendUs, isInput, tensors, lastLayers }
}

function crossableTensors(graph: LayerGraph, costs: PlanCosts, nodeOf: Int32Array): CrossableTensors {
  const answers = new Set(graph.outputs)
  const found = graph.tensors.flatMap(({ id, producer: layer, consumers }) => {
    const producer = nodeOf[layer]!
    const readers = new Set(consumers.map((consumer) => nodeOf[consumer]!))
    readers.delete(producer)
    const isAnswer = answers.has(id)
    return isAnswer || readers.size > 0
      ? [{ id, producer, readers: [...readers], isAnswer, options: costs.crossings[id]! }]
      : []
  })
  const options = found.flatMap((tensor) => tensor.options)
  return {
    count: found.length,
    ids: Int32Array.from(found, ({ id }) => id),
    producer: Int32Array.from(found, ({ producer }) => producer),
    firstReader: firstOfEach(found.map(({ readers }) => readers.length)),
    readers: Int32Array.from(found.flatMap(({ readers }) => readers)),
    isAnswer: Uint8Array.from(found, ({ isAnswer }) => Number(isAnswer)),
    firstOption: firstOfEach(found.map((tensor) => tensor.options.length)),
    codecs: options.map(({ codec }) => codec),
    encodeUs: Float64Array.from(options, ({ encodeUs }) => encodeUs),
    decodeUs: Float64Array.from(options, ({ decodeUs }) => decodeUs),
    bytes: Float64Array.from(options, ({ bytes }) => bytes),
  }
}

/** Place of the option in which tensor `t` crosses at the least price; -1 where it may not cross. */
export function cheapestOptionOf(tensors: CrossableTensors, t: number, prices: Prices): number {
  let found = -1
  let least = Infinity
  for (let i = tensors.firstOption[t]!; i < tensors.firstOption[t + 1]!; i++) {
    const price = optionPrice(tensors, i, prices)
    if (price >= least) continue
    least = price
    found = i
  }
  return found
}

export function optionPrice(
  { encodeUs, decodeUs, bytes }: CrossableTensors,
  i: number,
  prices: Prices,
): number {
  const machines = prices.edge * encodeUs[i]! + prices.backend * decodeUs[i]!
  return machines + prices.uplink * bytes[i]! + prices.perTensor
}

/** Where each of several lists begins that lie one behind the other, and at last where the last one ends. */
function firstOfEach(lengths: readonly number[]): Int32Array {
  const first = new Int32Array(lengths.length + 1)
  for (const [i, length] of lengths.entries()) first[i + 1] = first[i]! + length
  return first
}

/** Layers joined by tensors that may not cross, and by nothing else, get the same node. */
function joinedLayers(graph: LayerGraph, costs: PlanCosts): { nodeOf: Int32Array; nodes: number } {
  const groups = new Groups(graph.layers.length)
  for (const { id, producer, consumers } of graph.tensors) {
    if (costs.crossings[id]!.length > 0) continue
    for (const layer of consumers) groups.join(layer, producer)
  }
  const nodeOf = new Int32Array(graph.layers.length)
  const numbers = new Map<number, number>()
  for (const { index } of graph.layers) {
    const group = groups.of(index)
    const node = numbers.get(group) ?? numbers.size
    numbers.set(group, node)
    nodeOf[index] = node
  }
  return { nodeOf, nodes: numbers.size }
}
