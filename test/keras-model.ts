import { graphFromKeras } from '../src/model-graph/keras-topology.ts'
import { elementsOf, type LayerGraph } from '../src/model-graph/layer-graph.ts'
import type { Manifest } from '../src/model-graph/manifest.ts'
import type { Model } from '../src/model-graph/model.ts'
import { elementCount } from '../src/tensor/element-count.ts'

/** One layer of a small Keras topology: class, configuration, the layers it reads. */
export type LayerSketch = readonly [
  name: string,
  className: string,
  config: Record<string, unknown>,
  ...reads: string[],
]

/** A functional Keras topology as JSON would hold it; the last layer is the output unless others are named. */
export function kerasTopology(layers: readonly LayerSketch[], outputs = [layers.at(-1)![0]]): unknown {
  const inputs = layers.filter(([, className]) => className === 'InputLayer').map(([name]) => name)
  return {
    class_name: 'Functional',
    config: {
      name: 'sketch',
      layers: layers.map(([name, className, config, ...reads]) => ({
        name,
        class_name: className,
        config: { ...config, name },
        inbound_nodes: reads.length === 0 ? [] : [reads.map((read) => [read, 0, 0, {}])],
      })),
      input_layers: inputs.map((name) => [name, 0, 0]),
      output_layers: outputs.map((name) => [name, 0, 0]),
    },
  }
}

export function input(...shape: number[]): LayerSketch {
  return ['in', 'InputLayer', { batch_input_shape: [null, ...shape] }]
}

/** Repeatable values in -1..1 (mulberry32). */
function randomValues(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed
  return Float32Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1
  })
}

const manifest: Manifest = {
  name: 'sketch',
  input: { width: 8, height: 8, channels: 'rgb', mean: [0, 0, 0], scale: [1, 1, 1] },
  output: { kind: 'softmax', topK: 5 },
}

/** A model with repeatable random weights; variances are positive. */
export function sketchModel(
  topology: unknown,
): Model & { readonly values: ReadonlyMap<string, Float32Array> } {
  const graph = graphFromKeras(topology)
  const values = new Map<string, Float32Array<ArrayBuffer>>()
  for (const [seed, { name, shape }] of graph.layers.flatMap((layer) => layer.weights).entries()) {
    const count = elementCount(shape)
    const raw = randomValues(count, seed + 1)
    values.set(name, name.endsWith('variance') ? raw.map((value) => value * value + 0.1) : raw)
  }
  const weights = { read: (name: string) => Promise.resolve(values.get(name)!.slice()) }
  return { graph, weights, manifest, hash: '0'.repeat(32), values }
}

export function parameterCount(graph: LayerGraph): number {
  const sizes = graph.layers.flatMap((layer) => layer.weights).map(({ shape }) => shape)
  return sizes.reduce((sum, shape) => sum + elementCount(shape), 0)
}

/** Repeatable values for one tensor in Keras order, batch axis aside. */
export function randomTensor(graph: LayerGraph, id: number, seed: number): Float32Array<ArrayBuffer> {
  return randomValues(elementsOf(graph.tensors[id]!), seed)
}
