import { fromBinary } from '@bufbuild/protobuf'
import { NodeProtoSchema } from 'onnx-buf'
import type { Layer, OnnxDefinition } from '../../model-graph/layer-graph.ts'
import type { Lowering } from './lowering.ts'

/**
 * Takes over a layer that is an ONNX node already: its nodes as they were, and their constants in the file's own type.
 * The graph's tensors bear the names that the nodes use.
 * @throws {TypeError} for a constant that the weights do not hold.
 */
export function lowerOnnxNode(lowering: Lowering, layer: Layer, definition: OnnxDefinition): void {
  const made = new Set(lowering.nodes.flatMap(({ output }) => output))
  for (const bytes of definition.nodes) {
    const node = fromBinary(NodeProtoSchema, bytes)
    // What prepares a constant may have been taken over with another layer.
    if (!node.output.some((name) => name !== '' && made.has(name))) lowering.nodes.push(node)
  }
  const present = new Set(lowering.initializers.map(({ name }) => name))
  for (const name of definition.constants) {
    if (present.has(name)) continue
    const constant = lowering.weights.constants?.get(name)
    if (constant === undefined) {
      throw new TypeError(
        `Cannot lower '${layer.name}': its constant '${name}' must be among the model's weights`,
      )
    }
    const { dims, dataType, byteLength } = constant
    lowering.initializers.push({
      name,
      dims,
      type: 'raw',
      dataType,
      byteLength,
      values: () => constant.read(),
    })
  }
}
