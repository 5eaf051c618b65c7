/** The largest of a signed byte's numbers that is used: as many above 0 as below. */
const most = 127

/**
 * Rounds the weights of each output to whole numbers from -127 to 127 of the smallest scale that has room for them:
 * values are about rounded * scale, off by at most half a scale. O(values).
 * @param values Outputs first, as many for each.
 * @param rounded Written: one for each value.
 * @param scales Written: one for each output, above 0.
 */
export function roundOutputs(values: Float32Array, rounded: Int8Array, scales: Float32Array): void {
  const size = values.length / scales.length
  for (let output = 0; output < scales.length; output++) {
    const begin = output * size
    const end = begin + size
    let largest = 0
    for (let i = begin; i < end; i++) largest = Math.max(largest, Math.abs(values[i]!))
    // XNNPACK refuses scales that are no normal number; weights that are next to nothing are nothing then.
    const scale = largest / most > leastScale ? largest / most : 1
    scales[output] = scale
    for (let i = begin; i < end; i++) rounded[i] = Math.round(values[i]! / scale)
  }
}

/** The smallest normal number of float32. */
const leastScale = 2 ** -126
