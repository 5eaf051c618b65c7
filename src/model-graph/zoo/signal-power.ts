import { elementCount } from '../../tensor/element-count.ts'
/**
 * How strong the signal is at every tensor of a network whose weighted layers give outputs of power 1: mean square
 * over channels, pixels and random weights, to first order. Seeded weights divide by it, so that deep and branching
 * networks neither die out nor blow up, without a rule per network: He initialisation (arXiv 1502.01852) is the
 * special case of a chain of convolutions and ReLUs, where the power a convolution reads is 1/2.
 *
 * A signal is a sum of a part that is never negative (what a ReLU lets through) and a symmetric part of mean zero: a
 * second ReLU leaves the first alone and halves the second, and a residual sum has both. O(layers).
 *
 * Only sums, products, quotients and square roots: these give the same bits on every machine, `**` and Math.log need
 * not, and both ends of a cut must make the same weights.
 */
import type { Layer, LayerGraph } from '../layer-graph.ts'

interface Signal extends Powers {
  /** Tensor of which this one is a smoothed copy, itself where of none: copies add up in step. */
  readonly origin: number
}

interface Powers {
  readonly positive: number
  readonly symmetric: number
}

/** Batch norm's random parameters, all uniform: bounds of gamma, of beta and mean, and of the variance. */
export const normRange = { gamma: [0.8, 1.2], shift: [-0.1, 0.1], variance: [0.5, 1.5] } as const

/** E[gamma^2] and E[1/variance] of the above: (b^3 - a^3) / 3(b - a), and ln(b/a) / (b - a). */
const gammaPower = 1.0133333333333334
const inverseVariance = 1.0986122886681098

/** Power after pooling over power before, as photos gave it in these networks (within a third). */
const maxPoolGain = { positive: 1.6, symmetric: 1.1 }
const averagePoolGain = { positive: 0.95, symmetric: 0.9 }
const globalPoolGain = { positive: 0.8, symmetric: 0.5 }

/**
 * Power of what each layer reads (first input), by layer index, corrected for the zeros that a `same` padding adds:
 * the mean square over a weighted layer's taps.
 */
export function inputPowers(graph: LayerGraph, inputPower: number): Float64Array {
  const powers = new Float64Array(graph.layers.length)
  const signals: Signal[] = []
  for (const layer of graph.layers) {
    const inputs = layer.inputs.map((id) => signals[id]!)
    const first: Powers = inputs[0] ?? { positive: 0, symmetric: inputPower }
    powers[layer.index] = (first.positive + first.symmetric) * coverage(graph, layer)
    const signal = inputs.length === 0 ? first : transform(graph, layer, inputs)
    for (const id of layer.outputs) {
      const origin = layer.type === 'AveragePooling2D' ? inputs[0]!.origin : id
      signals[id] = { ...signal, origin }
    }
  }
  return powers
}

function transform(graph: LayerGraph, layer: Layer, inputs: readonly Signal[]): Powers {
  const [first] = inputs as readonly [Signal, ...Signal[]]
  const { positive, symmetric } = first
  const config = configOf(layer)
  switch (layer.type) {
    case 'Conv2D':
    case 'DepthwiseConv2D':
    case 'SeparableConv2D':
    case 'Dense':
      return config['activation'] === 'relu'
        ? rectify({ positive: 0, symmetric: 1 })
        : { positive: 0, symmetric: 1 }
    case 'BatchNormalization': {
      const gain = inverseVariance * (config['scale'] === false ? 1 : gammaPower)
      return { positive: positive * gain, symmetric: symmetric * gain }
    }
    case 'ReLU':
      return rectify(first)
    case 'Activation':
      return config['activation'] === 'relu' ? rectify(first) : first
    case 'MaxPooling2D':
      return scaled(first, maxPoolGain)
    case 'AveragePooling2D':
      if (String(config['pool_size']) === '1,1') return first
      return scaled(first, averagePoolGain)
    case 'GlobalAveragePooling2D':
      return scaled(first, globalPoolGain)
    case 'ZeroPadding2D': {
      const kept = elements(graph, layer.inputs[0]!) / elements(graph, layer.outputs[0]!)
      return scaled(first, { positive: kept, symmetric: kept })
    }
    case 'Add':
      return sum(inputs, (index) => inputs.filter(({ origin }) => origin === inputs[index]!.origin).length)
    case 'Lambda':
    case 'CustomScaleLayer': {
      const scale = scaleOf(config)
      return sum(inputs, (index) => (index === 0 ? 1 : scale * scale))
    }
    case 'Concatenate': {
      const total = elements(graph, layer.outputs[0]!)
      return sum(inputs, (index) => elements(graph, layer.inputs[index]!) / total)
    }
    default:
      return first
  }
}

function rectify({ positive, symmetric }: Powers): Powers {
  // Where something is never negative already, the rest is seldom cut: 0.7 is between all and half of it.
  return { positive: positive + symmetric * (positive > 0 ? 0.7 : 0.5), symmetric: 0 }
}

function scaled(signal: Powers, factor: Powers): Powers {
  return { positive: signal.positive * factor.positive, symmetric: signal.symmetric * factor.symmetric }
}

function sum(inputs: readonly Powers[], factor: (index: number) => number): Powers {
  let [positive, symmetric] = [0, 0]
  for (const [index, input] of inputs.entries()) {
    positive += input.positive * factor(index)
    symmetric += input.symmetric * factor(index)
  }
  return { positive, symmetric }
}

/** Share of a convolution's taps that fall inside the map. */
function coverage(graph: LayerGraph, layer: Layer): number {
  const { kernel_size: kernel, strides, padding } = configOf(layer)
  if (padding !== 'same' || !Array.isArray(kernel) || !Array.isArray(strides)) return 1
  const shape = graph.tensors[layer.inputs[0]!]!.shape
  return [0, 1].reduce((share, axis) => {
    const [window, stride, size] = [Number(kernel[axis]), Number(strides[axis]), shape[axis] ?? 1]
    const steps = Math.ceil(size / stride)
    const before = Math.floor(Math.max(0, (steps - 1) * stride + window - size) / 2)
    let inside = 0
    for (let step = 0; step < steps; step++) {
      const start = step * stride - before
      inside += Math.min(size, start + window) - Math.max(0, start)
    }
    return share * (inside / (steps * window))
  }, 1)
}

function scaleOf(config: Readonly<Record<string, unknown>>): number {
  const { arguments: given, scale } = config as { arguments?: { scale?: unknown }; scale?: unknown }
  return Number(given?.scale ?? scale ?? 1)
}

function configOf(layer: Layer): Readonly<Record<string, unknown>> {
  return layer.definition.source === 'keras' ? layer.definition.config : {}
}

function elements(graph: LayerGraph, tensor: number): number {
  return elementCount(graph.tensors[tensor]!.shape)
}
