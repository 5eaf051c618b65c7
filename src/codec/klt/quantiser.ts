import { createKernels } from '../kernels/kernels.ts'
import type { CoefficientModels, Effort } from './coefficients.ts'
import { largestCode } from './klt-codes.ts'

/**
 * Codes of a map's coefficients, valid until the next call.
 * @throws {RangeError} where one is not finite or has more steps than a code tells.
 */
export type Quantiser = (coefficients: Float32Array) => Int32Array

type Places = Pick<CoefficientModels, 'coefficients' | 'sent' | 'steps'>

export function createQuantiser(models: Places, effort: Effort): Quantiser {
  return effort === 'trellis' ? alongTrellis(models) : roundEach(models)
}

function alongTrellis({ coefficients, sent, steps }: Places): Quantiser {
  const count = sent.length
  const bytes = 4 * count
  const at = { coefficients: 0, sent: 4 * coefficients, inverse: 0, halves: 0, codes: 0, decisions: 0 }
  at.inverse = at.sent + bytes
  at.halves = at.inverse + bytes
  at.codes = at.halves + bytes
  at.decisions = at.codes + bytes
  const kernels = createKernels(at.decisions + count)
  new Uint32Array(kernels.memory, at.sent, count).set(sent)
  new Float32Array(kernels.memory, at.inverse, count).set(steps.map((step) => 2 / step))
  const given = new Float32Array(kernels.memory, at.coefficients, coefficients)
  const codes = new Int32Array(kernels.memory, at.codes, count)
  return (values) => {
    given.set(values)
    requireCodable(kernels.trellis({ ...at, count }) / 2)
    return codes
  }
}

function roundEach({ sent, steps }: Places): Quantiser {
  const inverse = steps.map((step) => 1 / step)
  const codes = new Int32Array(sent.length)
  return (values) => {
    let largest = 0
    for (let i = 0; i < codes.length; i++) {
      const value = values[sent[i]!]! * inverse[i]!
      const magnitude = Math.abs(value)
      // Keeps NaN, which no comparison is true of.
      if (!(magnitude <= largest)) largest = magnitude
      codes[i] = value < 0 ? value - 0.5 : value + 0.5
    }
    requireCodable(largest)
    return codes
  }
}

/** One step less than there are codes: the trellis may take a code beside the nearest. */
function requireCodable(largest: number): void {
  if (largest < largestCode - 1) return
  throw new RangeError(
    `Cannot encode klt: values must be finite and near the calibrated ones, current coefficient is ${largest} steps`,
  )
}
