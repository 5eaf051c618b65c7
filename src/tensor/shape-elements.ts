/**
 * Number of values of a tensor of that shape, batch axis included.
 * @throws {RangeError} where an axis is not a positive integer or the product is too large for a typed array.
 */
export function shapeElements(shape: readonly number[]): number {
  let elements = 1
  for (const axis of shape) {
    if (!Number.isInteger(axis) || axis < 1) {
      throw new RangeError(
        `Cannot count elements: every axis must be a positive integer, current value is [${shape.join(', ')}]`,
      )
    }
    elements *= axis
  }
  if (elements > 0x7fff_ffff) {
    throw new RangeError(
      `Cannot count elements: shape must have fewer than 2^31 values, current value is [${shape.join(', ')}]`,
    )
  }
  return elements
}
