import type { NodeWriter } from './node-writer.ts'

/** Bias and activation of a fused operator, in the order in which it names them. */
export function writeFused(w: NodeWriter, value: string, operations: readonly string[]): void {
  let operand = 2
  let result = value
  for (const [i, operation] of operations.entries()) {
    const output = i === operations.length - 1 ? w.output() : undefined
    if (operation === 'BiasAdd') result = w.add('Add', [result, w.input(operand++)], {}, output)
    else if (operation === 'Prelu') result = w.add('PRelu', [result, w.input(operand++)], {}, output)
    else if (operation === 'Relu6') result = w.add('Clip', [result, w.scalar(0), w.scalar(6)], {}, output)
    else if (operation === 'LeakyRelu')
      result = w.add('LeakyRelu', [result], { alpha: { float: w.number('leakyrelu_alpha', 0.2) } }, output)
    else if (['Relu', 'Elu', 'Sigmoid', 'Tanh'].includes(operation))
      result = w.add(operation, [result], {}, output)
    else throw w.fault(`must not be fused with ${operation}`)
  }
}
