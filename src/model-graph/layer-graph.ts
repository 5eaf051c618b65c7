/**
 * The layer graph: a model as a directed acyclic graph of layers joined by tensors. Plain, frozen data; everything
 * that reasons about a model (rings, wounds, cuts, pictures, plans) works on this and on integer indices.
 */
import type { TensorProto_DataType } from 'onnx-buf'
import { elementCount } from '../tensor/element-count.ts'

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
  /** How an ONNX file has it, where that is not float32 with a batch axis of 1 in front of `shape`. */
  readonly stored?: StoredTensor
}

/** Such a tensor travels as float32 with a batch axis, like all others; segments turn it into this and back. */
export interface StoredTensor {
  /** All axes, as the file's nodes see them. */
  readonly dims: readonly number[]

  readonly elementType: TensorProto_DataType
  /**
   * Float32 values that carry one value, in a first axis of `shape` besides: more than one where float32 alone would
   * round (64 and 32 bits, crossing between layers). Whole numbers in base 2^24, doubles as a sum; lowest first.
   */
  readonly digits: number
  /** The size depends on the values, as of boxes that were found: `shape` and `dims` are what the file declares. */
  readonly variable: boolean
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

/** A layer that is one node of an ONNX file, kept as it was. */
export interface OnnxDefinition {
  readonly source: 'onnx'
  /**
   * Serialised `onnx.NodeProto`s in order: the node, before it those that prepare its constants (which other layers
   * may have as well), and for a layer that ends in values of variable size the nodes after it.
   */
  readonly nodes: readonly Uint8Array[]
  /** Names of all constants they read, found in `WeightSource.constants`. */
  readonly constants: readonly string[]
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
  /** Of an ONNX file: its serialised `onnx.ModelProto` without the graph (operator versions, functions). */
  readonly onnxHeader?: Uint8Array
}

/** Number of values of one tensor for one request. */
export function elementsOf(tensor: GraphTensor): number {
  return elementCount(tensor.shape)
}

/**
 * The axes in which a tensor travels: always channels first, whatever file the model came from, because the fastest
 * engine computes that way and codecs want one channel's values side by side. Shape is without the batch axis.
 */
export function borderShape(tensor: GraphTensor): readonly number[] {
  if (tensor.layout === 'channels-first' || tensor.shape.length < 2) return tensor.shape
  return [tensor.shape.at(-1)!, ...tensor.shape.slice(0, -1)]
}
