import type { TensorValue } from '../tensor/tensor-value.ts'
import { type ClassesSpec, mostRows, type RowsSpec, rowWidth } from './answer-spec.ts'
import { boxRows } from './box-rows.ts'
import { indicesOfLargest } from './indices-of-largest.ts'
import { probabilities } from './probabilities.ts'
import { textRows } from './text-rows.ts'

/**
 * The rows of a model's answer, [rows, row width], best first: some hundred bytes of what may be a megabyte.
 * @throws {TypeError} for outputs of another shape than the layout has.
 */
export function condense(spec: RowsSpec, outputs: readonly TensorValue[]): TensorValue {
  const chosen = spec.outputs.map((place) => {
    const output = outputs[place]
    if (output !== undefined) return output
    throw new TypeError(`Cannot read the answer: output ${place} must exist, there are ${outputs.length}`)
  })
  const rows = rowsOf(spec, chosen)
  return { shape: [rows.length / rowWidth[spec.kind], rowWidth[spec.kind]], data: rows }
}

/** Whether a tensor of that shape can be what {@link condense} gave. */
export function isCondensed(spec: RowsSpec, [rows, columns, ...rest]: readonly number[]): boolean {
  return rest.length === 0 && rows! <= mostRows(spec) && columns === rowWidth[spec.kind]
}

function rowsOf(spec: RowsSpec, outputs: readonly TensorValue[]): Float32Array<ArrayBuffer> {
  switch (spec.kind) {
    case 'boxes':
      return boxRows(spec, outputs)
    case 'text':
      return textRows(outputs[0]!, spec.blank)
    case 'softmax':
    case 'logits':
    case 'classes':
      return classRows(spec, outputs[0]!)
  }
}

function classRows({ kind, topK }: ClassesSpec, { data }: TensorValue): Float32Array<ArrayBuffer> {
  const scores = probabilities(data, kind)
  return new Float32Array(indicesOfLargest(scores, topK).flatMap((index) => [index, scores[index]!]))
}
