/** Class probabilities of a model's output: softmax where it gives logits. */
export function probabilities(output: Float32Array, kind: 'softmax' | 'logits'): Float32Array {
  if (kind === 'softmax') return output
  let largest = -Infinity
  for (let i = 0; i < output.length; i++) largest = Math.max(largest, output[i]!)
  const result = new Float32Array(output.length)
  let sum = 0
  for (let i = 0; i < output.length; i++) {
    const value = Math.exp(output[i]! - largest)
    result[i] = value
    sum += value
  }
  for (let i = 0; i < result.length; i++) result[i] = result[i]! / sum
  return result
}

const floor = 1e-12

/** Kullback-Leibler divergence of `other` from `truth`, in nats; probabilities below 1e-12 count as that. */
export function klDivergence(truth: Float32Array, other: Float32Array): number {
  let sum = 0
  for (let i = 0; i < truth.length; i++) {
    const p = truth[i]!
    if (p > floor) sum += p * Math.log(p / Math.max(other[i]!, floor))
  }
  return Math.max(0, sum)
}

export function indexOfLargest(values: Float32Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}
