import { elementsOf, type Layer, type LayerGraph } from '../model-graph/layer-graph.ts'
import { tensorsToRiders } from '../model-graph/riders.ts'
import { elementCount } from '../tensor/element-count.ts'

/** Layers of one kind cost about the same per operation and per byte on a machine; those of two kinds do not. */
export const layerKinds = [
  'depthwise',
  'pointwise',
  'spatial',
  'dense',
  'pooling',
  'elementwise',
  'rider',
] as const
export type LayerKind = (typeof layerKinds)[number]

/** What a layer asks of a machine, for one input. */
export interface LayerWork {
  readonly kind: LayerKind
  readonly operations: number
  /** Of all tensors that it reads and makes. */
  readonly bytesMoved: number
  readonly weightBytes: number
}

const bytesPerValue = 4
/** Layers that only name or reorder what is there, or that only training has. */
const free = new Set([
  'InputLayer',
  'Dropout',
  'Flatten',
  'Reshape',
  'Identity',
  'Squeeze',
  'Unsqueeze',
  'Constant',
  'Shape',
])

/** By layer index: what each asks for; nothing where it is free, two kinds where it is two convolutions. O(layers). */
export function layerWorks(graph: LayerGraph): readonly (readonly LayerWork[])[] {
  const ridden = tensorsToRiders(graph)
  return graph.layers.map((layer) => {
    if (free.has(layer.type)) return []
    const valuesOf = (ids: readonly number[]) =>
      ids.reduce((sum, id) => sum + elementsOf(graph.tensors[id]!), 0)
    const [read, made] = [valuesOf(layer.inputs), valuesOf(layer.outputs)]
    const weightBytes = bytesPerValue * layer.weights.reduce((sum, { shape }) => sum + elementCount(shape), 0)
    const { operations } = layer
    if (layer.type === 'SeparableConv2D') {
      const [depth, point] = layer.weights.map(({ shape }) => elementCount(shape))
      const share = depth! / (depth! + point!)
      const part = (kind: LayerKind, of: number, values: number): LayerWork => ({
        kind,
        operations: operations * of,
        bytesMoved: bytesPerValue * values,
        weightBytes: weightBytes * of,
      })
      const between = (made * layer.weights[0]!.shape[2]!) / layer.weights[1]!.shape.at(-1)!
      return [part('depthwise', share, read + between), part('pointwise', 1 - share, between + made)]
    }
    const kind = ridden.has(layer.inputs[0]!) ? 'rider' : kindOf(layer)
    return [{ kind, operations, bytesMoved: bytesPerValue * (read + made), weightBytes }]
  })
}

function kindOf({ type, weights }: Layer): LayerKind {
  const kernel = weights[0]?.shape ?? []
  if (type === 'DepthwiseConv2D') return 'depthwise'
  // Keras writes a kernel as height, width, channels in, channels out; ONNX as channels out, in of one group, height, width.
  if (type === 'Conv2D') return kernel[0] === 1 && kernel[1] === 1 ? 'pointwise' : 'spatial'
  if (type === 'Conv' && kernel.length === 4)
    return kernel[2] === 1 && kernel[3] === 1 ? 'pointwise' : kernel[1] === 1 ? 'depthwise' : 'spatial'
  if (type === 'Conv') return 'spatial'
  if (type === 'Dense' || type === 'Gemm' || type === 'MatMul') return 'dense'
  if (/Pool|^ReduceMean$/.test(type)) return 'pooling'
  return 'elementwise'
}
