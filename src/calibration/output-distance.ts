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
