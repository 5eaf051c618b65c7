/** Number of values of a tensor of that shape, 1 for a scalar. Unchecked: `shapeElements` is for what came from outside. */
export function elementCount(shape: readonly number[]): number {
  let elements = 1
  for (const axis of shape) elements *= axis
  return elements
}
