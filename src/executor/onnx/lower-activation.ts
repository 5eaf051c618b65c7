import { axisOf, finiteNumber, type LayerConfig, layerError } from '../../model-graph/layers/layer-config.ts'
import { type ActivationName, activationOf, rescalingFactor } from '../activation.ts'
import { addConstant, addNode, addScalar, borderAxis, type Lowering, type LowerLayer } from './lowering.ts'

/** Operators that need nothing but their input. */
const plain: Partial<Record<ActivationName, string>> = {
  linear: 'Identity',
  relu: 'Relu',
  sigmoid: 'Sigmoid',
  tanh: 'Tanh',
  elu: 'Elu',
  selu: 'Selu',
  softplus: 'Softplus',
  softsign: 'Softsign',
  exponential: 'Exp',
}

/** Applies an activation function. Softmax runs over the last Keras axis. */
function addActivation(lowering: Lowering, kind: ActivationName, input: string, output: string): void {
  const operator = plain[kind]
  if (operator !== undefined) {
    addNode(lowering, operator, [input], output)
  } else if (kind === 'relu6') {
    addClip(lowering, input, output, 0, 6)
  } else if (kind === 'softmax') {
    addNode(lowering, 'Softmax', [input], output, { axis: { int: 1 } })
  } else if (kind === 'hard_sigmoid') {
    // Keras 2 and TensorFlow.js: 0.2 x + 0.5, cut to 0..1.
    addNode(lowering, 'HardSigmoid', [input], output, { alpha: { float: 0.2 }, beta: { float: 0.5 } })
  } else {
    // swish, also called silu
    addNode(lowering, 'Mul', [input, addNode(lowering, 'Sigmoid', [input], `${output}:sigmoid`)], output)
  }
}

function addClip(lowering: Lowering, input: string, output: string, min: number, max: number): void {
  const bounds = [addScalar(lowering, `${output}:min`, min), addScalar(lowering, `${output}:max`, max)]
  addNode(lowering, 'Clip', [input, ...bounds], output)
}

/**
 * Runs `compute` and the layer's activation after it.
 * @param compute Adds the nodes of the layer; gets the name its value must have.
 */
export function withActivation(
  lowering: Lowering,
  config: LayerConfig,
  output: string,
  compute: (output: string) => void,
): void {
  const kind = activationOf(config)
  if (kind === 'linear') {
    compute(output)
    return
  }
  compute(`${output}:linear`)
  addActivation(lowering, kind, `${output}:linear`, output)
}

export const lowerActivation: LowerLayer = (lowering, { config, inputs, output }) => {
  addActivation(lowering, activationOf(config), inputs[0]!.name, output.name)
}

export const lowerIdentity: LowerLayer = (lowering, { inputs, output }) => {
  addNode(lowering, 'Identity', [inputs[0]!.name], output.name)
}

export const lowerRelu: LowerLayer = (lowering, { config, inputs, output }) => {
  const input = inputs[0]!.name
  if (finiteNumber(config, 'threshold', 0) !== 0) throw layerError(config, 'threshold must be 0')
  const slope = finiteNumber(config, 'negative_slope', 0)
  const limited = config.config['max_value'] != null
  const max = finiteNumber(config, 'max_value', 0)
  if (slope === 0 && limited) {
    addClip(lowering, input, output.name, 0, max)
  } else if (slope === 0) {
    addNode(lowering, 'Relu', [input], output.name)
  } else {
    const leaky = limited ? `${output.name}:leaky` : output.name
    addNode(lowering, 'LeakyRelu', [input], leaky, { alpha: { float: slope } })
    if (limited)
      addNode(lowering, 'Min', [leaky, addScalar(lowering, `${output.name}:max`, max)], output.name)
  }
}

export const lowerLeakyRelu: LowerLayer = (lowering, { config, inputs, output }) => {
  const alpha = finiteNumber(config, 'alpha', finiteNumber(config, 'negative_slope', 0.3))
  addNode(lowering, 'LeakyRelu', [inputs[0]!.name], output.name, { alpha: { float: alpha } })
}

export const lowerElu: LowerLayer = (lowering, { config, inputs, output }) => {
  addNode(lowering, 'Elu', [inputs[0]!.name], output.name, {
    alpha: { float: finiteNumber(config, 'alpha', 1) },
  })
}

export const lowerSoftmax: LowerLayer = (lowering, { config, inputs, output }) => {
  const rank = output.shape.length
  const axis = borderAxis(axisOf(config, 'axis', rank), rank)
  addNode(lowering, 'Softmax', [inputs[0]!.name], output.name, { axis: { int: axis } })
}

/** value * scale + offset; each a number or one per channel. */
export const lowerRescaling: LowerLayer = (lowering, { config, inputs, output }) => {
  const factor = (key: 'scale' | 'offset'): string => {
    const data = rescalingFactor(config, key, output.shape.at(-1)!)
    const dims = [data.length, ...output.shape.slice(1).map(() => 1)]
    return addConstant(lowering, `${output.name}:${key}`, dims, () => Promise.resolve(data))
  }
  const scaled = addNode(lowering, 'Mul', [inputs[0]!.name, factor('scale')], `${output.name}:scaled`)
  addNode(lowering, 'Add', [scaled, factor('offset')], output.name)
}
