import type { GraphTensor, Layer, LayerGraph } from '../../model-graph/layer-graph.ts'
import type { LayerConfig } from '../../model-graph/layers/layer-config.ts'
import type { WeightSource } from '../../model-graph/model.ts'
import { elementCount } from '../../tensor/element-count.ts'
import type { Precision } from '../engine.ts'
import type { Affine } from '../onnx/lowering.ts'
import type { Pointer } from './foreign-functions.ts'
import type { XnnLibrary } from './library.ts'
import { allocate, allocateFloats, type NativeBytes, type NativeFloats } from './native-memory.ts'
import { roundOutputs } from './round-outputs.ts'

/** A value's id in the subgraph it was defined in. */
export type ValueId = number

/** Where a node has no bias, and what a value inside is that no memory is given for. */
export const noId = 0xffff_ffff

/** Bounds of a node whose values are not limited. XNNPACK fuses a clamp into the node before by itself. */
export const unbounded = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const

/** Of values: float32, whole numbers of 8 bits with a scale per output, and such with a scale that each run finds. */
const dataTypes = { float32: 1, scaled: 6, rounded: 9 } as const
const externalFlag = { input: 1, output: 2 } as const

/**
 * What a constant is for. A `kernel` (or bias) is packed into memory of the runtime's own when that is made, and not
 * read again; an `operand` is read at every run.
 */
export type ConstantUse = 'kernel' | 'operand'

/** One Keras layer to lower: what it reads and gives, in Keras's order, which is XNNPACK's. */
export interface LayerCall {
  readonly layer: Layer
  readonly config: LayerConfig
  readonly inputs: readonly GraphTensor[]
  readonly output: GraphTensor
  readonly sources: readonly ValueId[]
  readonly target: ValueId
  /** The batch normalisation that this layer takes into its weights; `output` is then the normalisation's. */
  readonly folded: Affine | undefined
  /** Which of a matrix's columns are computed, where `output` is a part of what the layer gives. */
  readonly columns: Columns | undefined
}

/** Columns of a matrix from `begin` to before `end`. */
export interface Columns {
  readonly begin: number
  readonly end: number
}

/** A tensor that gets memory from outside, with its shape in a subgraph. */
export interface External {
  readonly tensor: number
  readonly kind: 'input' | 'output'
  readonly shape: readonly number[]
}

export type LowerLayer = (subgraph: Subgraph, call: LayerCall) => void | Promise<void>

/**
 * A subgraph while it is being defined. Shapes are those of the layer graph with a batch axis of 1 in front; XNNPACK
 * does not check them, so that nobody else may invent any.
 */
export class Subgraph {
  readonly xnn: XnnLibrary
  readonly weights: WeightSource
  readonly pointer: Pointer
  readonly precision: Precision
  private readonly graph: LayerGraph
  private readonly constants: { readonly use: ConstantUse; readonly memory: NativeFloats }[] = []
  private readonly roundedKernels: NativeBytes[] = []
  /** What was rounded once is read by several. */
  private readonly roundedIds = new Map<string, ValueId>()
  private readonly ids = new Map<number, ValueId>()
  private readonly held: Float32Array[] = []

  /** @param externals Tensors that get memory from outside; their ids are their places in the list. */
  constructor(
    xnn: XnnLibrary,
    graph: LayerGraph,
    weights: WeightSource,
    externals: readonly External[],
    precision: Precision = 'float32',
  ) {
    const out: [Pointer] = [0n]
    xnn.createSubgraph(externals.length, 0, out)
    this.xnn = xnn
    this.graph = graph
    this.weights = weights
    this.precision = precision
    this.pointer = out[0]
    for (const [id, { tensor, kind, shape }] of externals.entries())
      this.ids.set(tensor, this.define([1, ...shape], null, id, externalFlag[kind]))
  }

  /** The value of a tensor that was given or made before. @throws {TypeError} where it was neither. */
  read(tensor: number, reader: string): ValueId {
    const id = this.ids.get(tensor)
    if (id !== undefined) return id
    const { name } = this.graph.tensors[tensor]!
    throw new TypeError(
      `Cannot compile ${this.graph.name}: '${reader}' must read what the segment makes or is given, '${name}' is neither`,
    )
  }

  /** The value of a tensor that is about to be made. */
  make(tensor: number): ValueId {
    const id = this.ids.get(tensor) ?? this.inner(this.graph.tensors[tensor]!.shape)
    this.ids.set(tensor, id)
    return id
  }

  /** A value between nodes. @param shape Without the batch axis. */
  inner(shape: readonly number[]): ValueId {
    return this.define([1, ...shape], null, noId, 0)
  }

  /** @param fill Writes the values; what it is given holds none yet. */
  constant(
    use: ConstantUse,
    dims: readonly number[],
    fill: (values: Float32Array<ArrayBuffer>) => void,
  ): ValueId {
    const memory = allocateFloats(this.xnn, elementCount(dims))
    this.constants.push({ use, memory })
    fill(memory.data)
    return this.define(dims, memory.pointer, noId, 0)
  }

  /**
   * A kernel that is packed from where JavaScript has it: arrays of that size lie outside V8's heap and do not move, and
   * the values are held until the definition ends.
   */
  kernelInPlace(dims: readonly number[], values: Float32Array<ArrayBuffer>): ValueId {
    if (values.length !== elementCount(dims))
      throw new TypeError(
        `Cannot define a kernel: values must be ${elementCount(dims)}, current value is ${values.length}`,
      )
    this.held.push(values)
    return this.define(dims, this.xnn.koffi.address(values), noId, 0)
  }

  /**
   * A kernel as whole numbers of 8 bits, each output with a scale of its own.
   * @param values Outputs first.
   */
  roundedKernel(dims: readonly [outputs: number, ...inputs: number[]], values: Float32Array): ValueId {
    const { xnn } = this
    const memory = allocate(xnn, values.length)
    const scales = allocateFloats(xnn, dims[0])
    this.roundedKernels.push(memory)
    this.constants.push({ use: 'kernel', memory: scales })
    roundOutputs(values, new Int8Array(memory.data), scales.data)
    const id: [number] = [0]
    const type = dataTypes.scaled
    const { pointer } = memory
    xnn.scaledTensor!(this.pointer, type, scales.pointer, dims.length, 0, dims, pointer, noId, 0, id)
    return id[0]
  }

  /**
   * A value rounded to 8 bits between the least and the largest of it, as each run finds them.
   * @param shape Without the batch axis.
   * @param together The last axes whose values are rounded alike.
   */
  rounded(source: ValueId, shape: readonly number[], together: number): ValueId {
    const key = `${source} ${together}`
    const known = this.roundedIds.get(key)
    if (known !== undefined) return known
    const { xnn, pointer } = this
    const dims = [1, ...shape]
    const id: [number] = [0]
    xnn.roundedTensor!(pointer, dataTypes.rounded, dims.length, together, dims, noId, 0, id)
    xnn.convert!(pointer, source, id[0], 0)
    this.roundedIds.set(key, id[0])
    return id[0]
  }

  /** One number or one per channel as an operand. */
  operand(values: ArrayLike<number>): ValueId {
    return this.constant('operand', [values.length], (to) => to.set(values))
  }

  /**
   * Ends the definition. @param keepOperands Where a runtime was made of it: frees all but what that reads at each run.
   * @returns What must be freed with the runtime.
   */
  close(keepOperands: boolean): NativeFloats[] {
    this.xnn.deleteSubgraph(this.pointer)
    this.held.length = 0
    const kept = this.constants
      .filter(({ use }) => keepOperands && use === 'operand')
      .map(({ memory }) => memory)
    for (const { memory } of this.constants) if (!kept.includes(memory)) memory.free()
    for (const memory of this.roundedKernels) memory.free()
    return kept
  }

  private define(dims: readonly number[], data: Pointer | null, external: number, flags: number): ValueId {
    const id: [number] = [0]
    this.xnn.tensor(this.pointer, dataTypes.float32, dims.length, dims, data, external, flags, id)
    return id[0]
  }
}
