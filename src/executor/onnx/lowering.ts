import type { NodeProto } from 'onnx-buf'
import { borderShape, type GraphTensor, type Layer } from '../../model-graph/layer-graph.ts'
import type { LayerConfig } from '../../model-graph/layers/layer-config.ts'
import type { WeightSource } from '../../model-graph/model.ts'
import { type Attribute, type Initializer, onnxNode } from '../../onnx/onnx-message.ts'
import { elementCount } from '../../tensor/element-count.ts'

/**
 * Collects the nodes and constants of the ONNX graph being made. All values inside are channels first with the batch
 * axis before: the `borderShape` of the tensor they stand for.
 */
export interface Lowering {
  readonly nodes: NodeProto[]
  readonly initializers: Initializer[]
  readonly weights: WeightSource
  /** Maps from outside are to enter the runtime's blocked layout (see `blocked-layout.ts`). */
  readonly entersBlocked: boolean
}

/** A batch normalisation as value * scale + shift, per channel. */
export interface Affine {
  readonly scale: Float32Array<ArrayBuffer>
  readonly shift: Float32Array<ArrayBuffer>
}

/** One Keras layer to lower: values and shapes (Keras order, without batch axis) that it reads and gives. */
export interface LayerCall {
  readonly layer: Layer
  readonly config: LayerConfig
  readonly inputs: readonly GraphTensor[]
  readonly output: GraphTensor
  /** Reads the batch normalisation that this layer takes into its weights; `output` is then the normalisation's. */
  readonly folded: (() => Promise<Affine>) | undefined
}

export type LowerLayer = (lowering: Lowering, call: LayerCall) => void

export function addNode(
  lowering: Lowering,
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, Attribute>> = {},
): string {
  addNodes(lowering, opType, inputs, [output], attributes)
  return output
}

/** {@link addNode} of several outputs; one without a name is not wanted. */
export function addNodes(
  lowering: Lowering,
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): void {
  lowering.nodes.push(onnxNode(opType, inputs, outputs, attributes))
}

/** A float32 constant that is read when its bytes are written. */
export function addConstant(
  lowering: Lowering,
  name: string,
  dims: readonly number[],
  values: () => Promise<Float32Array<ArrayBuffer>>,
): string {
  lowering.initializers.push({ name, dims, type: 'float32', values })
  return name
}

export function addScalar(lowering: Lowering, name: string, value: number): string {
  return addConstant(lowering, name, [], () => Promise.resolve(Float32Array.of(value)))
}

export function addIntegers(lowering: Lowering, name: string, values: readonly number[]): string {
  const data = (): Promise<BigInt64Array<ArrayBuffer>> =>
    Promise.resolve(BigInt64Array.from(values.map(BigInt)))
  lowering.initializers.push({ name, dims: [values.length], type: 'int64', values: data })
  return name
}

/** Position, in ONNX order with batch axis, of a Keras axis counted without the batch axis: the last becomes the first. */
export function borderAxis(axis: number, rank: number): number {
  return axis === rank - 1 ? 1 : axis + 2
}

/** True where channels-last and channels-first order are the same sequence of values. */
function sameOrder(tensor: Pick<GraphTensor, 'shape'>): boolean {
  const outer = elementCount(tensor.shape.slice(0, -1))
  return outer === 1 || tensor.shape.at(-1) === 1
}

/** @param shape Without the batch axis. */
export function addReshape(
  lowering: Lowering,
  input: string,
  shape: readonly number[],
  output: string,
): string {
  // 0 keeps the batch axis.
  return addNode(
    lowering,
    'Reshape',
    [input, addIntegers(lowering, `${output}:shape`, [0, ...shape])],
    output,
  )
}

/** Gives the values of a tensor in Keras's own order of axes. */
export function addChannelsLast(lowering: Lowering, tensor: GraphTensor, output: string): string {
  const rank = tensor.shape.length
  if (rank < 2) return tensor.name
  if (sameOrder(tensor)) return addReshape(lowering, tensor.name, tensor.shape, output)
  const perm = [0, ...tensor.shape.map((_, axis) => borderAxis(axis, rank))]
  return addNode(lowering, 'Transpose', [tensor.name], output, { perm: { ints: perm } })
}

/** Reshapes values in Keras's order to `tensor`, in its border order. */
export function addFromChannelsLast(lowering: Lowering, input: string, tensor: GraphTensor): void {
  const rank = tensor.shape.length
  if (rank < 2 || sameOrder(tensor)) {
    addReshape(lowering, input, borderShape(tensor), tensor.name)
    return
  }
  const shaped = addReshape(lowering, input, tensor.shape, `${tensor.name}:last`)
  const perm = [0, rank, ...Array.from({ length: rank - 1 }, (_, axis) => axis + 1)]
  addNode(lowering, 'Transpose', [shaped], tensor.name, { perm: { ints: perm } })
}
