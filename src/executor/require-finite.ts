import type { TensorValue } from '../tensor/tensor-value.ts'

/** The model gave something that is no number: for this input, or for every one. */
class OutputError extends Error {
  override readonly name = 'OutputError'
}

/** Infinities may be meant. @throws {OutputError} where a value is NaN. */
export function requireNumbers(name: string, { data }: TensorValue): void {
  const bad = data.findIndex(Number.isNaN)
  if (bad >= 0) throw new OutputError(`Cannot answer: output '${name}' must be numbers, value ${bad} is NaN`)
}

/**
 * Refuses values that would spoil every output. x * 0 is NaN for NaN and infinities alike, and the sums need no branch
 * per value; four of them, because one would wait for itself.
 * @throws {RangeError}
 */
export function requireFinite(name: string, { data }: TensorValue): void {
  let [a, b, c, d] = [0, 0, 0, 0]
  const whole = data.length - (data.length % 4)
  for (let i = 0; i < whole; i += 4) {
    a += data[i]! * 0
    b += data[i + 1]! * 0
    c += data[i + 2]! * 0
    d += data[i + 3]! * 0
  }
  for (let i = whole; i < data.length; i++) a += data[i]! * 0
  if (a + b + c + d === 0) return
  const bad = data.findIndex((value) => !Number.isFinite(value))
  throw new RangeError(`Cannot run: values of '${name}' must be finite, value ${bad} is ${data[bad]}`)
}
