import type { ClassesOutput } from '../model-graph/manifest.ts'

/** How far probabilities may be from 1 together, as engines and codecs round. */
const sumTolerance = 0.01

/** Class probabilities of a model's output: softmax where it gives logits, or what is no distribution. */
export function probabilities(output: Float32Array, kind: ClassesOutput['kind']): Float32Array {
  return kind === 'softmax' || (kind === 'classes' && isDistribution(output)) ? output : softmax(output)
}

/** Whether values are none below 0 and sum to 1 within 1 %. */
export function isDistribution(values: Float32Array): boolean {
  let sum = 0
  for (const value of values) {
    if (!(value >= 0)) return false
    sum += value
  }
  return Math.abs(sum - 1) <= sumTolerance
}

function softmax(logits: Float32Array): Float32Array {
  let largest = -Infinity
  for (const logit of logits) largest = Math.max(largest, logit)
  const powers = logits.map((logit) => Math.exp(logit - largest))
  let sum = 0
  for (const power of powers) sum += power
  return powers.map((power) => power / sum)
}
