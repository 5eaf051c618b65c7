import { fromBinary } from '@bufbuild/protobuf'
import { NodeProtoSchema } from 'onnx-buf'
import type { Layer } from '../../model-graph/layer-graph.ts'
import { addConstant, type Lowering } from './lowering.ts'

/**
 * Takes over a layer that is an ONNX node already: the node as it was, its float32 weights read under the names the
 * node uses. The graph's tensors bear the node's own value names.
 */
export function lowerOnnxNode(lowering: Lowering, layer: Layer, node: Uint8Array): void {
  lowering.nodes.push(fromBinary(NodeProtoSchema, node))
  const present = new Set(lowering.initializers.map(({ name }) => name))
  for (const { name, shape } of layer.weights) {
    if (!present.has(name)) addConstant(lowering, name, shape, () => lowering.weights.read(name))
  }
}
