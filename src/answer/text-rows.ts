import type { TensorValue } from '../tensor/tensor-value.ts'

/**
 * Best path of connectionist temporal classification (Graves et al. 2006, section 3.2): the most likely class of each
 * step, repetitions taken as one, blanks left out. O(steps x classes).
 * @param output [..., steps, classes], batch of 1; probabilities or their logarithms.
 * @returns Rows of class and score.
 */
export function textRows({ shape, data }: TensorValue, blank: number): Float32Array<ArrayBuffer> {
  const classes = shape.at(-1)!
  const rows: number[] = []
  let last = blank
  for (let start = 0; start < data.length; start += classes) {
    let best = 0
    for (let i = 1; i < classes; i++) if (data[start + i]! > data[start + best]!) best = i
    if (best !== blank && best !== last) rows.push(best, data[start + best]!)
    last = best
  }
  return new Float32Array(rows)
}
