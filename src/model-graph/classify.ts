import type { TensorValue } from '../tensor/tensor-value.ts'
import type { Manifest } from './manifest.ts'

/** One class of an answer. */
export interface ClassScore {
  readonly label: string
  readonly index: number
  readonly probability: number
}

/**
 * The best classes of a model's output [1, classes], best first. Logits are turned into probabilities.
 * @param labels class names by index; a class without one is named by its index.
 */
export function bestClasses(
  output: TensorValue,
  manifest: Manifest,
  labels: readonly string[],
): ClassScore[] {
  const probabilities = manifest.output.kind === 'logits' ? softmax(output.data) : output.data
  return Array.from(probabilities, (probability, index) => ({
    label: labels[index] ?? String(index),
    index,
    probability,
  }))
    .toSorted((a, b) => b.probability - a.probability)
    .slice(0, manifest.output.topK)
}

function softmax(logits: Float32Array): Float32Array {
  const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity)
  const powers = logits.map((value) => Math.exp(value - highest))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((value) => value / sum)
}
