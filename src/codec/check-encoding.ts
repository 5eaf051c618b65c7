import { shapeElements } from '../tensor/shape-elements.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'

/** @throws {RangeError} where the tensor has not exactly the values its shape says. Returns their number. */
export function checkTensor(codec: string, tensor: TensorValue): number {
  const elements = shapeElements(tensor.shape)
  if (tensor.data.length !== elements) {
    throw new RangeError(
      `Cannot encode ${codec}: data must have ${elements} values for shape [${tensor.shape.join(', ')}], current value is ${tensor.data.length}`,
    )
  }
  return elements
}

/** @throws {RangeError} where `bytes` has not exactly the length that the codec gives for that many values. */
export function checkLength(codec: string, bytes: Uint8Array, expected: number): void {
  if (bytes.length !== expected) {
    throw new RangeError(
      `Cannot decode ${codec}: bytes must be ${expected} long, current value is ${bytes.length}`,
    )
  }
}
