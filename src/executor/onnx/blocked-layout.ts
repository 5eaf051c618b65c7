import type { LayerGraph } from '../../model-graph/layer-graph.ts'
import type { Segment } from '../../model-graph/segment.ts'
import { onnxNode } from '../../onnx/onnx-message.ts'
import type { Lowering } from './lowering.ts'

/** Layers for which ONNX Runtime brings a map into its blocked layout by itself, Keras's names and ONNX's. */
const blocking = new Set([
  'Conv2D',
  'DepthwiseConv2D',
  'SeparableConv2D',
  'MaxPooling2D',
  'AveragePooling2D',
  'GlobalMaxPooling2D',
  'GlobalAveragePooling2D',
  'Conv',
  'MaxPool',
  'AveragePool',
  'GlobalMaxPool',
  'GlobalAveragePool',
])

/**
 * Lets a map that crosses a wound enter the segment in the runtime's blocked channel layout (NCHWc), in which its
 * convolutions compute, and gives the name under which the ONNX graph receives it. A sum or concatenation stays in that
 * layout, and is fused into a convolution, only where all it reads is in it. A map from outside is not, so the sum that
 * reads it, and after it every sum along the residual path, would be left alone with reordering around it: 3 to 5 % of
 * ResNet50 on x64. A pooling over windows of one value changes no value and makes the runtime reorder once. Only for a runtime
 * that has such a layout (`blocks-channels.ts`).
 */
export function addBlockedInput(lowering: Lowering, graph: LayerGraph, segment: Segment, id: number): string {
  const { name, shape, consumers } = graph.tensors[id]!
  const inside = new Set(segment.layers)
  if (!lowering.entersBlocked) return name
  const isMap = shape.length === 3 && !graph.inputs.includes(id)
  const others = consumers.filter((layer) => inside.has(layer) && !blocking.has(graph.layers[layer]!.type))
  if (!isMap || others.length === 0) return name
  const outer = `${name}:in`
  lowering.nodes.unshift(onnxNode('AveragePool', [outer], [name], { kernel_shape: { ints: [1, 1] } }))
  return outer
}
