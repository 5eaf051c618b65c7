import type { Engine } from '../../src/executor/engine.ts'
import { wholeModel } from '../../src/model-graph/cut.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import { kerasTopology, type LayerSketch, randomTensor, sketchModel } from '../keras-model.ts'
import { maxAbsDiff } from '../model-input.ts'
import { type Feature, referenceLayer } from './reference-layers.ts'

/** Channels-last values in the order in which they travel. */
export function toBorder({ shape, data }: Feature): TensorValue {
  if (shape.length < 2) return { shape: [1, ...shape], data: Float32Array.from(data) }
  const channels = shape.at(-1)!
  const places = data.length / channels
  const values = new Float32Array(data.length)
  for (const [i, value] of data.entries()) values[(i % channels) * places + Math.floor(i / channels)] = value
  return { shape: [1, channels, ...shape.slice(0, -1)], data: values }
}

/** Float32 sums of some hundred terms around 1, in another order. */
export const layerTolerance = 2e-4

/**
 * Runs a sketch layer by layer in the reference and as one segment in the engine.
 * @returns The largest difference of the outputs; infinite where a shape differs.
 */
export async function layerDifference(
  engine: Engine,
  sketch: readonly LayerSketch[],
  outputs?: string[],
): Promise<number> {
  const model = sketchModel(kerasTopology(sketch, outputs))
  const { graph } = model
  const features: Feature[] = []
  for (const { index, name, type, inputs, definition } of graph.layers) {
    const config = definition.source === 'keras' ? definition.config : {}
    const read = (suffix: string): Float32Array | undefined => model.values.get(`${name}/${suffix}`)
    const { shape } = graph.tensors[index]!
    const feature =
      type === 'InputLayer'
        ? { shape, data: randomTensor(graph, index, 99) }
        : referenceLayer(
            type,
            config,
            inputs.map((id) => features[id]!),
            read,
          )
    if (feature.shape.join() !== shape.join()) return Number.POSITIVE_INFINITY
    features.push(feature)
  }
  const executable = await engine.compile(model, wholeModel(graph), { threads: 1 })
  const values = await executable.run(graph.inputs.map((id) => toBorder(features[id]!)))
  await executable.release()
  const differences = graph.outputs.map((id, position) => {
    const [wanted, value] = [toBorder(features[id]!), values[position]!]
    return value.shape.join() === wanted.shape.join()
      ? maxAbsDiff(value.data, wanted.data)
      : Number.POSITIVE_INFINITY
  })
  return Math.max(...differences)
}
