import { borderShape, type LayerGraph } from '../model-graph/layer-graph.ts'
import type { Segment } from '../model-graph/segment.ts'
import { elementCount } from '../tensor/element-count.ts'
import { isChannelsLast, type TensorValue } from '../tensor/tensor-value.ts'

/**
 * Refuses inputs that are not the segment's.
 * @returns The batch size, which all inputs must share.
 * @throws {TypeError} where their number, a shape or a length differs.
 */
export function checkInputs(graph: LayerGraph, segment: Segment, inputs: readonly TensorValue[]): number {
  if (inputs.length !== segment.inputs.length) {
    throw new TypeError(
      `Cannot run a segment of ${graph.name}: inputs must be ${segment.inputs.length}, current value is ${inputs.length}`,
    )
  }
  const batch = inputs[0]?.shape[0] ?? 1
  for (const [position, id] of segment.inputs.entries()) {
    const tensor = graph.tensors[id]!
    const value = inputs[position]!
    const { shape } = value
    const wanted = [batch, ...borderShape(tensor)]
    if (!(Number.isSafeInteger(batch) && batch > 0) || shape.join() !== wanted.join()) {
      throw new TypeError(
        `Cannot run a segment of ${graph.name}: shape of '${tensor.name}' must be [${['N', ...wanted.slice(1)].join(', ')}] with one N for all inputs, current value is [${shape.join(', ')}]`,
      )
    }
    // Its data would be made for nothing.
    if (isChannelsLast(value)) continue
    const { data } = value
    const length = elementCount(wanted)
    if (!(data instanceof Float32Array) || data.length !== length) {
      throw new TypeError(
        `Cannot run a segment of ${graph.name}: data of '${tensor.name}' must be ${length} float32 values, current length is ${data.length}`,
      )
    }
  }
  return batch
}
