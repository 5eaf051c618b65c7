import { axisOf, finiteNumber, type LayerConfig, layerError } from '../../model-graph/layers/layer-config.ts'
import { type ActivationName, activationOf, rescalingFactor } from '../activation.ts'
import { type LowerLayer, type Subgraph, unbounded, type ValueId } from './lowering.ts'

/** Of the self-normalising unit: its values for large numbers and where it ends below. */
const selu = { scale: 1.0507009873554805, alpha: 1.6732632423543772 } as const

/** value * scale + shift; each one number or one per channel. */
export function addAffine(
  subgraph: Subgraph,
  shape: readonly number[],
  source: ValueId,
  target: ValueId,
  scale: ArrayLike<number>,
  shift: ArrayLike<number>,
): void {
  const scaled = subgraph.inner(shape)
  const { xnn, pointer } = subgraph
  xnn.multiply(pointer, ...unbounded, source, subgraph.operand(scale), scaled, 0)
  xnn.add(pointer, ...unbounded, scaled, subgraph.operand(shift), target, 0)
}

type AddActivation = (subgraph: Subgraph, shape: readonly number[], source: ValueId, target: ValueId) => void

const clamp =
  (min: number, max: number): AddActivation =>
  ({ xnn, pointer }, _shape, source, target) =>
    xnn.clamp(pointer, min, max, source, target, 0)

const addTanh: AddActivation = (subgraph, shape, source, target) => {
  const { xnn, pointer } = subgraph
  if (xnn.tanh !== undefined) {
    xnn.tanh(pointer, source, target, 0)
    return
  }
  // 2 sigmoid(2 x) - 1
  const [doubled, gate] = [subgraph.inner(shape), subgraph.inner(shape)]
  xnn.multiply(pointer, ...unbounded, source, subgraph.operand([2]), doubled, 0)
  xnn.sigmoid(pointer, doubled, gate, 0)
  addAffine(subgraph, shape, gate, target, [2], [-1])
}

const addSwish: AddActivation = (subgraph, shape, source, target) => {
  const gate = subgraph.inner(shape)
  subgraph.xnn.sigmoid(subgraph.pointer, source, gate, 0)
  subgraph.xnn.multiply(subgraph.pointer, ...unbounded, source, gate, target, 0)
}

/** Those that both libraries have, as a node or several. */
const activations: Partial<Record<ActivationName, AddActivation>> = {
  linear: clamp(...unbounded),
  relu: clamp(0, Number.POSITIVE_INFINITY),
  relu6: clamp(0, 6),
  sigmoid: ({ xnn, pointer }, _shape, source, target) => xnn.sigmoid(pointer, source, target, 0),
  softmax: ({ xnn, pointer }, _shape, source, target) => xnn.softmax(pointer, source, target, 0),
  swish: addSwish,
  silu: addSwish,
  tanh: addTanh,
  elu: ({ xnn, pointer }, _shape, source, target) => xnn.elu(pointer, 1, source, target, 0),
  selu: (subgraph, shape, source, target) => {
    const unit = subgraph.inner(shape)
    subgraph.xnn.elu(subgraph.pointer, selu.alpha, source, unit, 0)
    subgraph.xnn.multiply(subgraph.pointer, ...unbounded, unit, subgraph.operand([selu.scale]), target, 0)
  },
  // Keras 2 and TensorFlow.js: 0.2 x + 0.5, cut to 0..1.
  hard_sigmoid: (subgraph, shape, source, target) => {
    const line = subgraph.inner(shape)
    addAffine(subgraph, shape, source, line, [0.2], [0.5])
    subgraph.xnn.clamp(subgraph.pointer, 0, 1, line, target, 0)
  },
  // x / (1 + |x|)
  softsign: (subgraph, shape, source, target) => {
    const { xnn, pointer } = subgraph
    const [size, divisor] = [subgraph.inner(shape), subgraph.inner(shape)]
    xnn.abs(pointer, source, size, 0)
    xnn.add(pointer, ...unbounded, size, subgraph.operand([1]), divisor, 0)
    xnn.divide(pointer, ...unbounded, source, divisor, target, 0)
  },
}

/** @throws {TypeError} for what has no node and none that it could be made of. */
function addActivation(
  subgraph: Subgraph,
  config: LayerConfig,
  shape: readonly number[],
  source: ValueId,
  target: ValueId,
): void {
  const kind = activationOf(config)
  const { exp } = subgraph.xnn
  if (kind === 'exponential' && exp !== undefined) {
    exp(subgraph.pointer, source, target, 0)
    return
  }
  const add = activations[kind]
  if (add === undefined) throw layerError(config, `on engine xnnpack activation must not be ${kind}`)
  add(subgraph, shape, source, target)
}

/**
 * Runs `compute` and the layer's own activation after it.
 * @param compute Adds the nodes of the layer; gets the value it must write.
 */
export async function withActivation(
  subgraph: Subgraph,
  { config, output, target }: Parameters<LowerLayer>[1],
  compute: (target: ValueId) => void | Promise<void>,
): Promise<void> {
  if (activationOf(config) === 'linear') return compute(target)
  const linear = subgraph.inner(output.shape)
  await compute(linear)
  addActivation(subgraph, config, output.shape, linear, target)
}

export const lowerActivation: LowerLayer = (subgraph, { config, output, sources, target }) =>
  addActivation(subgraph, config, output.shape, sources[0]!, target)

export const lowerRelu: LowerLayer = (subgraph, { config, output, sources, target }) => {
  const { xnn, pointer } = subgraph
  if (finiteNumber(config, 'threshold', 0) !== 0) throw layerError(config, 'threshold must be 0')
  const slope = finiteNumber(config, 'negative_slope', 0)
  const limited = config.config['max_value'] != null
  const max = limited ? finiteNumber(config, 'max_value', 0) : Number.POSITIVE_INFINITY
  if (slope === 0) {
    xnn.clamp(pointer, 0, max, sources[0]!, target, 0)
    return
  }
  const leaky = subgraph.inner(output.shape)
  xnn.leakyRelu(pointer, slope, sources[0]!, leaky, 0)
  xnn.clamp(pointer, Number.NEGATIVE_INFINITY, max, leaky, target, 0)
}

export const lowerLeakyRelu: LowerLayer = ({ xnn, pointer }, { config, sources, target }) => {
  const alpha = finiteNumber(config, 'alpha', finiteNumber(config, 'negative_slope', 0.3))
  xnn.leakyRelu(pointer, alpha, sources[0]!, target, 0)
}

export const lowerElu: LowerLayer = ({ xnn, pointer }, { config, sources, target }) => {
  xnn.elu(pointer, finiteNumber(config, 'alpha', 1), sources[0]!, target, 0)
}

export const lowerSoftmax: LowerLayer = ({ xnn, pointer }, { config, output, sources, target }) => {
  const rank = output.shape.length
  if (axisOf(config, 'axis', rank) !== rank - 1)
    throw layerError(config, 'on engine xnnpack axis must be the last')
  xnn.softmax(pointer, sources[0]!, target, 0)
}

export const lowerRescaling: LowerLayer = (subgraph, { config, output, sources, target }) => {
  const channels = output.shape.at(-1)!
  const factor = (key: 'scale' | 'offset') => rescalingFactor(config, key, channels)
  addAffine(subgraph, output.shape, sources[0]!, target, factor('scale'), factor('offset'))
}
