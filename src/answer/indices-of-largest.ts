/**
 * Indices of the `count` largest values, largest first, the first of equal ones first. An insertion into so few is all a
 * value costs, and most are turned away by one comparison: sorting a thousand was most of a request's garbage.
 */
export function indicesOfLargest(values: Float32Array, count: number): number[] {
  const best: number[] = []
  for (let i = 0; i < values.length; i++) {
    if (best.length === count && !(values[i]! > values[best[count - 1]!]!)) continue
    let at = Math.min(best.length, count - 1)
    for (; at > 0 && values[i]! > values[best[at - 1]!]!; at--) best[at] = best[at - 1]!
    best[at] = i
  }
  return best
}
