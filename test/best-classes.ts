import { condense } from '../src/answer/condense.ts'
import { type ClassScore, presentClasses } from '../src/answer/present.ts'
import type { Manifest } from '../src/model-graph/manifest.ts'
import type { TensorValue } from '../src/tensor/tensor-value.ts'

/** The best classes of a classifier's output. */
export function bestClasses(
  value: TensorValue,
  { output }: Pick<Manifest, 'output'>,
  labels: readonly string[],
): ClassScore[] {
  if (!('topK' in output)) throw new TypeError('Cannot classify: the model must be a classifier')
  const { kind, topK } = output
  return presentClasses(condense({ kind, topK, outputs: [0] }, [value]), labels)
}
