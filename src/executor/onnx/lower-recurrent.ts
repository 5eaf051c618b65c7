import { TensorProto_DataType } from 'onnx-buf'
import { layerError } from '../../model-graph/layers/layer-config.ts'
import {
  type Recurrence,
  type Recurrences,
  recurrencesOf,
} from '../../model-graph/layers/recurrent-layers.ts'
import type { Attribute } from '../../onnx/onnx-message.ts'
import { type ActivationName, activationOf } from '../activation.ts'
import {
  addChannelsLast,
  addConstant,
  addIntegers,
  addNode,
  addNodes,
  type Lowering,
  type LowerLayer,
} from './lowering.ts'
import { outputsFirst } from './weight-order.ts'

type Floats = Float32Array<ArrayBuffer>

/** Names of ONNX's for what a cell may apply. */
const activations: Partial<Record<ActivationName, string>> = {
  linear: 'Affine',
  relu: 'Relu',
  sigmoid: 'Sigmoid',
  hard_sigmoid: 'HardSigmoid',
  tanh: 'Tanh',
  softsign: 'Softsign',
  softplus: 'Softplus',
}

const operators = { LSTM: 'LSTM', GRU: 'GRU', SimpleRNN: 'RNN' } as const
/** Keras's gates in ONNX's order: LSTM has i, f, c, o and ONNX i, o, f, c; GRU's z, r, h are ONNX's. */
const gateOrder = { LSTM: [0, 3, 1, 2], GRU: [0, 1, 2], SimpleRNN: [0] } as const

/**
 * LSTM, GRU, SimpleRNN and Bidirectional: one ONNX operator a direction, whose outcomes are merged. ONNX wants steps first
 * and the weights of each gate as rows.
 */
export const lowerRecurrent: LowerLayer = (lowering, { config, inputs, output }) => {
  const { passes, merge } = recurrencesOf(config)
  const [input] = inputs
  const features = input!.shape[1]!
  const steps = addNode(lowering, 'Transpose', [input!.name], `${output.name}:steps`, {
    perm: { ints: [2, 0, 1] },
  })
  const names = passes.map((pass, i) => addPass(lowering, pass, steps, features, `${output.name}:${i}`))
  const merged = names.length === 1 ? names[0]! : addMerge(lowering, merge, names, `${output.name}:merged`)
  // Steps first where all of them are given.
  if (passes[0]!.givesSequence)
    addNode(lowering, 'Transpose', [merged], output.name, { perm: { ints: [1, 2, 0] } })
  else addNode(lowering, 'Identity', [merged], output.name)
}

/** @returns The name of [steps, batch, units], or [batch, units] where only the last step counts. */
function addPass(
  lowering: Lowering,
  pass: Recurrence,
  steps: string,
  features: number,
  name: string,
): string {
  const { cell, units, isReversed, givesSequence, hasBias, resetsAfter } = pass
  const rows = pass.gates * units
  const operands = [
    steps,
    addKernel(lowering, pass, 'kernel', features),
    addKernel(lowering, pass, 'recurrent_kernel', units),
    ...(hasBias ? [addBiases(lowering, pass, rows)] : []),
  ]
  const attributes: Record<string, Attribute> = {
    hidden_size: { int: units },
    direction: { text: isReversed ? 'reverse' : 'forward' },
    ...activationAttributes(pass),
    ...(cell === 'GRU' && { linear_before_reset: { int: resetsAfter ? 1 : 0 } }),
  }
  const axis = addIntegers(lowering, `${name}:axis`, [givesSequence ? 1 : 0])
  const all = `${name}:all`
  if (!givesSequence) {
    addNodes(lowering, operators[cell], operands, ['', all], attributes)
    return addNode(lowering, 'Squeeze', [all, axis], `${name}:last`)
  }
  addNodes(lowering, operators[cell], operands, [all], attributes)
  return addNode(lowering, 'Squeeze', [all, axis], `${name}:sequence`)
}

function activationAttributes({ cell, config }: Recurrence): Record<string, Attribute> {
  const named = (key: string, absent: ActivationName): string => {
    const kind = activationOf({ ...config, config: { activation: config.config[key] ?? absent } })
    const found = activations[kind]
    if (found !== undefined) return found
    throw layerError(
      config,
      `${key} must be one of ${Object.keys(activations).join(', ')}, current value is ${kind}`,
    )
  }
  const own = named('activation', 'tanh')
  if (cell === 'SimpleRNN') return { activations: { texts: [own] } }
  const gate = named('recurrent_activation', 'sigmoid')
  return { activations: { texts: cell === 'LSTM' ? [gate, own, own] : [gate, own] } }
}

/** The weights of each gate as rows, gates in ONNX's order. */
function addKernel(lowering: Lowering, pass: Recurrence, suffix: string, inputs: number): string {
  const { cell, config, units } = pass
  const rows = pass.gates * units
  const name = `${config.name}/${suffix}`
  return addConstant(lowering, name, [1, rows, inputs], async () => {
    const values = outputsFirst(await lowering.weights.read(name), 1, inputs, rows)
    return inGateOrder(values, cell)
  })
}

/** Biases of the input's half and of the recurrent half, which only a GRU that is reset after its product has. */
function addBiases(lowering: Lowering, { cell, config, resetsAfter }: Recurrence, rows: number): string {
  const name = `${config.name}/bias`
  return addConstant(lowering, name, [1, 2 * rows], async () => {
    const values = await lowering.weights.read(name)
    const both: Floats = new Float32Array(2 * rows)
    both.set(inGateOrder(values.slice(0, rows), cell))
    if (resetsAfter) both.set(inGateOrder(values.slice(rows), cell), rows)
    return both
  })
}

function inGateOrder(values: Floats, cell: Recurrence['cell']): Floats {
  const order = gateOrder[cell]
  const size = values.length / order.length
  const to: Floats = new Float32Array(values.length)
  for (const [place, gate] of order.entries())
    to.set(values.subarray(gate * size, (gate + 1) * size), place * size)
  return to
}

function addMerge(
  lowering: Lowering,
  merge: Recurrences['merge'],
  [forward, backward]: readonly string[],
  name: string,
): string {
  const both = [forward!, backward!]
  switch (merge) {
    case 'concat':
      return addNode(lowering, 'Concat', both, name, { axis: { int: -1 } })
    case 'sum':
      return addNode(lowering, 'Add', both, name)
    case 'mul':
      return addNode(lowering, 'Mul', both, name)
    case 'ave':
      return addNode(lowering, 'Mean', both, name)
  }
}

/** Ids travel as float32. */
export const lowerEmbedding: LowerLayer = (lowering, { layer, inputs, output }) => {
  const [table] = layer.weights
  const rows = addConstant(lowering, table!.name, table!.shape, () => lowering.weights.read(table!.name))
  const ids = addNode(
    lowering,
    'Cast',
    [addChannelsLast(lowering, inputs[0]!, `${output.name}:ordered`)],
    `${output.name}:ids`,
    {
      to: { int: TensorProto_DataType.INT64 },
    },
  )
  const found = addNode(lowering, 'Gather', [rows, ids], `${output.name}:found`, { axis: { int: 0 } })
  const rank = output.shape.length
  const perm = [0, rank, ...Array.from({ length: rank - 1 }, (_, axis) => axis + 1)]
  addNode(lowering, 'Transpose', [found], output.name, { perm: { ints: perm } })
}
