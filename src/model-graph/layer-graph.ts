/**
 * The layer graph: a model as a directed acyclic graph of layers joined by tensors. Plain, frozen data; everything
 * that reasons about a model (rings, wounds, cuts, pictures, plans) works on this and on integer indices.
 */

/** How a tensor of the source file orders its axes: Keras writes channels last, ONNX channels first. */
export type Layout = 'channels-last' | 'channels-first'

export interface GraphTensor {
  /** Index in `LayerGraph.tensors`. */
  readonly id: number
  /** Unique. A layer with one output gives the tensor its own name. */
  readonly name: string
  /** Axes without the batch axis, in the source's `layout`; every axis a positive integer. */
  readonly shape: readonly number[]
  readonly layout: Layout
  /** Index of the layer that makes it; an input tensor is made by its input layer. */
  readonly producer: number
  /** Indices of the layers that read it, ascending, each once. */
  readonly consumers: readonly number[]
}

export interface WeightSpec {
  readonly name: string
  readonly shape: readonly number[]
  /** Counted as a parameter that training changes (batch-norm statistics are not). */
  readonly trainable: boolean
}

/** A layer as Keras describes it. `config` is the layer's `config` object from the topology JSON. */
export interface KerasDefinition {
  readonly source: 'keras'
  readonly config: Readonly<Record<string, unknown>>
}

/** A layer that is one node of an ONNX file; attributes and constant inputs are kept as they were. */
export interface OnnxDefinition {
  readonly source: 'onnx'
  /** Serialised `onnx.NodeProto`. */
  readonly node: Uint8Array
}

export interface Layer {
  /** Index in `LayerGraph.layers`, a topological order: the source's own (Keras numbers its layers the same way). */
  readonly index: number
  /** Unique. */
  readonly name: string
  /** Keras class name (`Conv2D`) or ONNX operator (`Conv`). Input layers are `InputLayer`. */
  readonly type: string
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly weights: readonly WeightSpec[]
  /** Multiply-accumulates for one input, counted as 2 operations each, plus 1 per element of cheaper layers. */
  readonly operations: number
  readonly definition: KerasDefinition | OnnxDefinition
}

export interface LayerGraph {
  readonly name: string
  readonly layers: readonly Layer[]
  readonly tensors: readonly GraphTensor[]
  /** Tensor ids of the model's inputs and outputs, in the source's order. */
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
}

/** Number of values of one tensor for one request. */
export function elementsOf(tensor: GraphTensor): number {
  return tensor.shape.reduce((product, axis) => product * axis, 1)
}

/**
 * The axes in which a tensor travels: always channels first, whatever file the model came from, because the fastest
 * engine computes that way and codecs want one channel's values side by side. Shape is without the batch axis.
 */
export function borderShape(tensor: GraphTensor): readonly number[] {
  if (tensor.layout === 'channels-first' || tensor.shape.length < 2) return tensor.shape
  return [tensor.shape.at(-1)!, ...tensor.shape.slice(0, -1)]
}
