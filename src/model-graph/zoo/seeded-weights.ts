import { elementCount } from '../../tensor/element-count.ts'
import type { Layer, LayerGraph } from '../layer-graph.ts'
import { type Manifest, requirePicture } from '../manifest.ts'
import type { WeightSource } from '../model.ts'
import { fillUniform } from './random-stream.ts'
import { inputPowers, normRange } from './signal-power.ts'

export interface SeededWeightsOptions {
  /** 32-bit; the same seed gives the same weights on every machine. */
  readonly seed: number
  /** Mean square of the model's input values; {@link inputPowerOf} tells it from a manifest. */
  readonly inputPower: number
  /** Standard deviation wanted of what goes into the final softmax: 0 is flat, above 4 saturated. */
  readonly logitDeviation?: number
}

interface Range {
  readonly shape: readonly number[]
  readonly low: number
  readonly high: number
}

/** Photos have pixels about 64 around the mean. */
export function inputPowerOf(manifest: Manifest): number {
  const deviation = 64 / requirePicture(manifest).scale[0]
  return deviation * deviation
}

/**
 * Random weights for a model of Keras layers that has none. Kernels are uniform with mean 0 and the variance that
 * gives each layer's output a mean square of 1 (He's rule, with the power of what the layer reads in place of his
 * 1/2; a depthwise kernel's fan-in is its window); biases, beta and moving mean are small, gamma is near 1 and the
 * moving variance in [0.5, 1.5]. The last layer with weights is scaled for `logitDeviation`.
 *
 * A weight depends on seed, name and the topology only, never on which others were read. Nothing is kept: each read
 * makes the values anew, about 3 ns each.
 */
export function seededWeights(graph: LayerGraph, options: SeededWeightsOptions): WeightSource {
  const { seed } = options
  const ranges = rangesOf(graph, options)
  const rangeOf = (name: string): Range => {
    const range = ranges.get(name)
    if (range === undefined)
      throw new TypeError(`Cannot read weight: name must be one of ${graph.name}, current value is ${name}`)
    return range
  }
  const readPart = async (name: string, begin: number, end: number) => {
    const { low, high } = rangeOf(name)
    const values = new Float32Array(end - begin)
    fillUniform(values, seed, name, low, high, begin)
    return values
  }
  return { read: async (name) => readPart(name, 0, elementCount(rangeOf(name).shape)), readPart }
}

function rangesOf(graph: LayerGraph, options: SeededWeightsOptions): Map<string, Range> {
  const { inputPower, logitDeviation = 2 } = options
  const powers = inputPowers(graph, inputPower)
  const last = graph.layers.findLast((layer) => layer.weights.length > 0)
  const ranges = new Map<string, Range>()
  for (const layer of graph.layers) {
    const deviation = layer === last ? logitDeviation : 1
    for (const { name, shape } of layer.weights) {
      const [low, high] = bounds(layer, name, shape, powers[layer.index]!, deviation)
      ranges.set(name, { shape, low, high })
    }
  }
  return ranges
}

function bounds(
  layer: Layer,
  name: string,
  shape: readonly number[],
  power: number,
  deviation: number,
): readonly [number, number] {
  switch (name.slice(name.lastIndexOf('/') + 1)) {
    case 'gamma':
      return normRange.gamma
    case 'moving_variance':
      return normRange.variance
    case 'bias':
    case 'beta':
    case 'moving_mean':
      return normRange.shift
    case 'depthwise_kernel':
      return centred(shape[0]! * shape[1]!, power, deviation)
    case 'pointwise_kernel':
      // Reads what its own depthwise kernel gives: power 1.
      return centred(shape.at(-2)!, 1, deviation)
    case 'kernel':
      return centred(elementCount(shape.slice(0, -1)), power, deviation)
    default:
      throw new TypeError(
        `Cannot make weight: name must end in a known role of ${layer.type}, current value is ${name}`,
      )
  }
}

/** Uniform with mean 0 has variance width^2 / 12. */
function centred(fanIn: number, power: number, deviation: number): readonly [number, number] {
  const half = deviation * Math.sqrt(3 / (fanIn * power))
  return [-half, half]
}
