import type { TensorValue } from '../tensor/tensor-value.ts'

/**
 * Turns the values of crossing tensors into bytes and back. Stateless and synchronous: it runs where the engine runs.
 * Names are stable, they travel in frames and stand in configuration: `float32`, `float16`, `uint8`, `q4`, `q4c`,
 * `klt:12`.
 */
export interface FeatureCodec {
  readonly name: string
  /** Bytes an encoded tensor of `elements` values in `channels` channels has (an estimate for entropy-coded ones). */
  expectedBytes(elements: number, channels: number): number
  encode(tensor: TensorValue): Uint8Array<ArrayBuffer>
  /** @throws {RangeError} where `bytes` is not a whole encoding of a tensor of that shape; nothing large is allocated first. */
  decode(bytes: Uint8Array, shape: readonly number[]): TensorValue
}
