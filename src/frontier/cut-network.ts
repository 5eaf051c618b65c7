import type { LayerGraph } from '../model-graph/layer-graph.ts'
import type { PlanCosts } from './plan-costs.ts'

/**
 * What of a layer graph matters to its cuts, whatever the prices: nodes, which are layers or several that no tensor may
 * cross between, and the tensors that can cross between them, each once however many read it.
 */
export interface CutNetwork {
  readonly graph: LayerGraph
  readonly costs: PlanCosts
  /** Node of each layer, ascending with the first layer of each. */
  readonly nodeOf: Int32Array
  readonly edgeUs: Float64Array
  readonly backendUs: Float64Array
  readonly tensors: readonly CrossableTensor[]
  /** Nodes that are in every head. */
  readonly inputs: readonly number[]
  /** Layers that nothing reads: one of them is in the tail of every wound but `local`. */
  readonly lastLayers: readonly number[]
}

export interface CrossableTensor {
  readonly id: number
  readonly producer: number
  /** Other nodes than the producer. */
  readonly readers: readonly number[]
  /** It crosses to whoever gives the answer, unless that is the edge. */
  readonly isAnswer: boolean
}

/** O(layers + tensors). */
export function cutNetwork(graph: LayerGraph, costs: PlanCosts): CutNetwork {
  const { layers } = graph
  const { nodeOf, nodes } = joinedLayers(graph, costs)
  const answers = new Set(graph.outputs)
  const tensors: CrossableTensor[] = []
  for (const { id, producer: layer, consumers } of graph.tensors) {
    const producer = nodeOf[layer]!
    const readers: number[] = []
    for (const consumer of consumers) {
      const reader = nodeOf[consumer]!
      if (reader !== producer && !readers.includes(reader)) readers.push(reader)
    }
    const isAnswer = answers.has(id)
    if (isAnswer || readers.length > 0) tensors.push({ id, producer, readers, isAnswer })
  }
  const edgeUs = new Float64Array(nodes)
  const backendUs = new Float64Array(nodes)
  for (const { index } of layers) {
    edgeUs[nodeOf[index]!]! += costs.edgeUs[index]!
    backendUs[nodeOf[index]!]! += costs.backendUs[index]!
  }
  const inputs = [...new Set(graph.inputs.map((id) => nodeOf[graph.tensors[id]!.producer]!))]
  const lastLayers = layers
    .filter(({ outputs }) => outputs.every((id) => graph.tensors[id]!.consumers.length === 0))
    .map(({ index }) => index)
  return { graph, costs, nodeOf, edgeUs, backendUs, tensors, inputs, lastLayers }
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

/** Disjoint sets of 0 to `count` - 1, each named by one member. Near enough O(1) per call. */
export class Groups {
  private readonly above: Int32Array

  constructor(count: number) {
    this.above = Int32Array.from({ length: count }, (_, member) => member)
  }

  of(member: number): number {
    let group = member
    while (this.above[group] !== group) group = this.above[group]!
    this.above[member] = group
    return group
  }

  /** The group of `into` keeps its name. */
  join(member: number, into: number): void {
    this.above[this.of(member)] = this.of(into)
  }
}
