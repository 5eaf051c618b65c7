import type { Layer, LayerGraph } from '../../model-graph/layer-graph.ts'
import { finiteNumber, type LayerConfig } from '../../model-graph/layers/layer-config.ts'
import type { WeightSource } from '../../model-graph/model.ts'
import type { Segment } from '../../model-graph/segment.ts'
import { type Affine, addConstant, addNode, type LowerLayer } from './lowering.ts'

const foldable = new Set(
  ['Conv', 'DepthwiseConv', 'SeparableConv'].flatMap((name) => [`${name}1D`, `${name}2D`]),
)
  .add('Conv1DTranspose')
  .add('Conv2DTranspose')
  .add('Dense')

/**
 * Normalisations that a layer before them can take into its own weights: it is linear, in the same segment, and read
 * by nothing else. @returns The normalisation by the index of the layer that takes it in.
 */
export function foldableBatchNorms(graph: LayerGraph, segment: Segment): Map<number, Layer> {
  const inSegment = new Set(segment.layers)
  const given = new Set(segment.outputs)
  const found = new Map<number, Layer>()
  for (const index of segment.layers) {
    const layer = graph.layers[index]!
    if (layer.type !== 'BatchNormalization' || layer.definition.source !== 'keras') continue
    const input = graph.tensors[layer.inputs[0]!]!
    const before = graph.layers[input.producer]!
    const linear =
      before.definition.source === 'keras' &&
      (before.definition.config['activation'] ?? 'linear') === 'linear'
    const alone = input.consumers.length === 1 && !given.has(input.id)
    if (linear && alone && foldable.has(before.type) && inSegment.has(before.index))
      found.set(before.index, layer)
  }
  return found
}

function epsilonOf(layer: Layer): number {
  const config = layer.definition.source === 'keras' ? layer.definition.config : {}
  const named: LayerConfig = { name: layer.name, className: layer.type, config, origin: 'the model' }
  return finiteNumber(named, 'epsilon', 1e-3)
}

/** Reads a normalisation when first asked and keeps it: kernel and bias both need it, and it is small. */
export function affineReader(layer: Layer, weights: WeightSource): () => Promise<Affine> {
  let affine: Promise<Affine> | undefined
  return () => {
    affine ??= readAffine(layer, weights)
    return affine
  }
}

async function readAffine(layer: Layer, weights: WeightSource): Promise<Affine> {
  const read = async (suffix: string): Promise<Float32Array<ArrayBuffer> | undefined> => {
    const spec = layer.weights.find(({ name }) => name.endsWith(`/${suffix}`))
    return spec === undefined ? undefined : weights.read(spec.name)
  }
  const gamma = await read('gamma')
  const beta = await read('beta')
  const mean = (await read('moving_mean'))!
  const variance = (await read('moving_variance'))!
  const epsilon = epsilonOf(layer)
  const scale = variance.map((value, channel) => (gamma?.[channel] ?? 1) / Math.sqrt(value + epsilon))
  const shift = mean.map((value, channel) => (beta?.[channel] ?? 0) - value * scale[channel]!)
  return { scale, shift }
}

/** A normalisation that nothing took in: one multiplication and one addition per value. */
export const lowerBatchNorm: LowerLayer = (lowering, { layer, inputs, output }) => {
  const channels = output.shape.at(-1)!
  const constant = (suffix: string, values: () => Promise<Float32Array<ArrayBuffer>>): string =>
    addConstant(lowering, `${layer.name}:${suffix}`, [channels], values)
  const affine = affineReader(layer, lowering.weights)
  // Mean 0 and variance 1 leave scale and shift as they are.
  const parameters = [
    constant('scale', async () => (await affine()).scale),
    constant('shift', async () => (await affine()).shift),
    constant('mean', () => Promise.resolve(new Float32Array(channels))),
    constant('variance', () => Promise.resolve(new Float32Array(channels).fill(1))),
  ]
  addNode(lowering, 'BatchNormalization', [inputs[0]!.name, ...parameters], output.name, {
    epsilon: { float: 0 },
  })
}
