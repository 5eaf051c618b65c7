import { kernelMemory } from '../codec/kernels/kernel-memory.ts'
import { createKernels } from '../codec/kernels/kernels.ts'

/** Codes of values in steps along the trellis, by the kernels: what `trellisCodes` computes. Valid until the next call. */
export function stepsQuantiser(count: number): (inSteps: Float32Array) => Int32Array {
  const { kernels, at } = kernelMemory(createKernels, {
    coefficients: 4 * count,
    places: 4 * count,
    inverse: 4 * count,
    contexts: count,
    halves: 4 * count,
    decisions: count,
    errors: 4096,
    codes: 4 * count,
    tables: count,
  })
  const { memory } = kernels
  const places = new Uint32Array(memory, at.places, count)
  for (let i = 0; i < count; i++) places[i] = 4 * i
  new Float32Array(memory, at.inverse, count).fill(2)
  const coefficients = new Float32Array(memory, at.coefficients, count)
  const codes = new Int32Array(memory, at.codes, count)
  return (inSteps) => {
    coefficients.set(inSteps)
    kernels.trellis({ ...at, count })
    return codes
  }
}
