import { segmentChain } from '../../src/executor/segment-chain.ts'
import type { LayerGraph } from '../../src/model-graph/layer-graph.ts'
import type { PlanSetup } from '../../src/scheduler/planner.ts'

/** A layer and the tensor that it makes. */
interface ToyLayer {
  readonly name: string
  readonly shape: readonly number[]
  readonly operations: number
}

const toyLayers: readonly ToyLayer[] = [
  { name: 'input', shape: [8, 8, 3], operations: 0 },
  { name: 'middle', shape: [10], operations: 40e6 },
  { name: 'output', shape: [10], operations: 60e6 },
]

/** A chain of layers, each reading the one before. */
function toyGraph(): LayerGraph {
  return {
    name: 'toy',
    layers: toyLayers.map(({ name, operations }, index) => ({
      index,
      name,
      type: index === 0 ? 'InputLayer' : 'Dense',
      inputs: index === 0 ? [] : [index - 1],
      outputs: [index],
      weights: [],
      operations,
      definition: { source: 'keras', config: {} },
    })),
    tensors: toyLayers.map(({ name, shape }, id) => ({
      id,
      name,
      shape,
      layout: 'channels-last',
      producer: id,
      consumers: id + 1 < toyLayers.length ? [id + 1] : [],
    })),
    inputs: [0],
    outputs: [toyLayers.length - 1],
  }
}

/** A model that takes 100 ms on the edge, 40 of them before the only wound in the middle, where 100 bytes cross. */
export function toySetup(): PlanSetup {
  const graph = toyGraph()
  const chain = segmentChain(graph, [
    { id: 'input', tensors: [0], head: [0] },
    { id: 'middle', tensors: [1], head: [0, 1] },
    { id: 'local', tensors: [], head: [0, 1, 2] },
  ])
  return {
    graph,
    chain,
    profile: {
      version: 2,
      modelHash: '0'.repeat(32),
      engine: 'onnxruntime',
      threads: 1,
      slowdown: 1,
      machine: 'toy',
      measuredAt: '2026-01-01T00:00:00.000Z',
      segments: chain.segments.map(({ operations }, i) => ({
        from: chain.wounds[i]!.id,
        to: chain.wounds[i + 1]!.id,
        operations,
        medianMs: operations / 1e6,
        madMs: 0,
        runs: 1,
      })),
      codecs: [{ wound: 'middle', codec: 'uint8', encodeMs: 1, bytes: 100 }],
    },
    policy: 'surgeon',
    codecs: new Map([
      ['input', [{ codec: 'received', bytes: undefined }]],
      ['middle', [{ codec: 'uint8', bytes: undefined }]],
    ]),
    resume: 'at-once',
  }
}
