import type { NodeProto } from 'onnx-buf'
import { elementCount } from '../../tensor/element-count.ts'
import type { ValueFacts } from './probe-message.ts'

/** Layers that only pass values on or give them another shape. */
const idle: ReadonlySet<string> = new Set([
  'Identity',
  'Dropout',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Shape',
  'Size',
])

/** Weight (index among the inputs) of operators that are convolutions; each of its values is used at every output position. */
const kernelInput: Readonly<Record<string, number>> = {
  Conv: 1,
  ConvInteger: 1,
  FusedConv: 1,
  QLinearConv: 3,
}

/**
 * Operations of one node for one request: 2 per multiply-accumulate, the window per value of a pooling layer, 1 per
 * element of anything else, 0 where nothing is computed.
 */
export function countOperations(node: NodeProto, facts: ReadonlyMap<string, ValueFacts>): number {
  const { opType } = node
  if (idle.has(opType)) return 0
  const output = facts.get(node.output.find((name) => name !== '') ?? '')?.dims ?? []
  const input = (index: number): readonly number[] => facts.get(node.input[index] ?? '')?.dims ?? []
  const kernel = kernelInput[opType]
  // A kernel is [outputs, inputs per group, window...].
  if (kernel !== undefined) return 2 * elementCount(output) * elementCount(input(kernel).slice(1))
  switch (opType) {
    case 'ConvTranspose':
      // [inputs, outputs per group, window...], used at every input position.
      return 2 * elementCount(input(0)) * elementCount(input(1).slice(1))
    case 'Gemm': {
      const transposed = node.attribute.some(({ name, i }) => name === 'transA' && i === 1n)
      return 2 * elementCount(output) * (input(0)[transposed ? 0 : 1] ?? 1)
    }
    case 'MatMul':
    case 'MatMulInteger':
    case 'QLinearMatMul':
    case 'FusedMatMul':
      return 2 * elementCount(output) * (input(0).at(-1) ?? 1)
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      // Input and recurrent weights, once per time step and sequence.
      return 2 * (input(0)[0] ?? 1) * (input(0)[1] ?? 1) * (elementCount(input(1)) + elementCount(input(2)))
    case 'MaxPool':
    case 'AveragePool':
    case 'LpPool': {
      const window = node.attribute.find(({ name }) => name === 'kernel_shape')?.ints.map(Number) ?? []
      return elementCount(output) * elementCount(window)
    }
    default:
      return opType.startsWith('Global') || opType.startsWith('Reduce') || opType.startsWith('Arg')
        ? elementCount(input(0))
        : elementCount(output)
  }
}
