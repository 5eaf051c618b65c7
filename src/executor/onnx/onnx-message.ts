import { create, toBinary } from '@bufbuild/protobuf'
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf'

/** An attribute of a node; ONNX distinguishes what JavaScript's numbers do not. */
export type Attribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly text: string }
  | { readonly tensor: TensorProto }

/** A constant of the model. `values` is called once, when its bytes are due, and its result is not kept. */
export type Initializer = {
  readonly name: string
  readonly dims: readonly number[]
} & (
  | { readonly type: 'float32'; readonly values: () => Promise<Float32Array<ArrayBuffer>> }
  | { readonly type: 'int64'; readonly values: () => Promise<BigInt64Array<ArrayBuffer>> }
  | {
      /** Little-endian values of any ONNX type. */
      readonly type: 'raw'
      readonly dataType: TensorProto_DataType
      readonly byteLength: number
      readonly values: () => Promise<Uint8Array<ArrayBuffer>>
    }
)

/** A value that enters or leaves the graph. */
export interface GraphValue {
  readonly name: string
  /** Axes after the batch axis; undefined leaves type and axes to the engine. */
  readonly shape: readonly number[] | undefined
  /** Fixes the batch axis, which is symbolic otherwise; `none` where `shape` is all axes. */
  readonly batch?: number | 'none'
  /** float32 where not given. */
  readonly elementType?: TensorProto_DataType
}

export interface OnnxGraph {
  readonly name: string
  /** Version of the ONNX operators, or a serialised `onnx.ModelProto` without its graph. */
  readonly opset: number | Uint8Array
  readonly nodes: readonly NodeProto[]
  readonly initializers: readonly Initializer[]
  readonly inputs: readonly GraphValue[]
  readonly outputs: readonly GraphValue[]
}

export function onnxNode(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): NodeProto {
  const attribute = Object.entries(attributes).map(([name, value]) => attributeProto(name, value))
  return create(NodeProtoSchema, { opType, input: [...input], output: [...output], attribute })
}

function attributeProto(name: string, value: Attribute): AttributeProto {
  const type = AttributeProto_AttributeType
  if ('int' in value) return create(AttributeProtoSchema, { name, type: type.INT, i: BigInt(value.int) })
  if ('ints' in value)
    return create(AttributeProtoSchema, { name, type: type.INTS, ints: value.ints.map(BigInt) })
  if ('float' in value) return create(AttributeProtoSchema, { name, type: type.FLOAT, f: value.float })
  if ('tensor' in value) return create(AttributeProtoSchema, { name, type: type.TENSOR, t: value.tensor })
  return create(AttributeProtoSchema, { name, type: type.STRING, s: new TextEncoder().encode(value.text) })
}

/**
 * Serialises the graph as an ONNX model. Every length is known from the shapes, so the message is allocated once and
 * each constant is written to its place and forgotten: the peak is the message and one weight. (A protobuf library
 * copies weights once per level of nesting.) Fields of a repeated field may be appended to a message's bytes: protobuf
 * encoding, "Last One Wins" and repeated fields.
 * @throws {RangeError} above the 2 GiB that a protobuf message may have; {@link TypeError} for a constant of wrong length.
 */
export async function serialiseModel(graph: OnnxGraph): Promise<Uint8Array<ArrayBuffer>> {
  const skeleton = create(GraphProtoSchema, {
    name: graph.name,
    node: [...graph.nodes],
    input: graph.inputs.map(valueInfo),
    output: graph.outputs.map(valueInfo),
  })
  const modelBytes = typeof graph.opset === 'number' ? modelHeader(graph.opset) : graph.opset
  const graphBytes = toBinary(GraphProtoSchema, skeleton)
  const tensors = graph.initializers.map((initializer) => ({ initializer, ...tensorHeader(initializer) }))

  const graphLength = tensors.reduce(
    (sum, { prefix, rawLength }) => sum + prefix.length + rawLength,
    graphBytes.length,
  )
  const graphPrefix = [...tag(7), ...varint(graphLength)]
  const total = modelBytes.length + graphPrefix.length + graphLength
  if (total >= 2 ** 31)
    throw new RangeError(
      `Cannot lower ${graph.name}: its message must stay below 2 GiB, current size is ${total}`,
    )

  const bytes = new Uint8Array(total)
  let position = 0
  const append = (part: ArrayLike<number>): void => {
    bytes.set(part, position)
    position += part.length
  }
  for (const part of [modelBytes, graphPrefix, graphBytes]) append(part)
  for (const { initializer, prefix, rawLength } of tensors) {
    append(prefix)
    const values = await initializer.values()
    if (values.byteLength !== rawLength) {
      throw new TypeError(
        `Cannot lower ${graph.name}: '${initializer.name}' must have ${rawLength} bytes, current value is ${values.byteLength}`,
      )
    }
    append(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  }
  return bytes
}

function modelHeader(opset: number): Uint8Array {
  const opsetImport = [{ domain: '', version: BigInt(opset) }]
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 8n, producerName: 'surgeon', opsetImport }),
  )
}

function valueInfo({ name, shape, batch, elementType = TensorProto_DataType.FLOAT }: GraphValue) {
  if (shape === undefined) return create(ValueInfoProtoSchema, { name })
  const symbolic = { value: { case: 'dimParam' as const, value: 'N' } }
  const first = batch === 'none' ? [] : [batch === undefined ? symbolic : fixedAxis(batch)]
  return create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: { elemType: elementType, shape: { dim: [...first, ...shape.map(fixedAxis)] } },
      },
    },
  })
}

function fixedAxis(axis: number) {
  return { value: { case: 'dimValue' as const, value: BigInt(axis) } }
}

/** Everything of a GraphProto.initializer entry that stands before its raw values. */
function tensorHeader(initializer: Initializer): { prefix: number[]; rawLength: number } {
  const { name, dims, type } = initializer
  const count = dims.reduce((total, axis) => total * axis, 1)
  const rawLength = type === 'raw' ? initializer.byteLength : count * (type === 'float32' ? 4 : 8)
  const plainType = type === 'float32' ? TensorProto_DataType.FLOAT : TensorProto_DataType.INT64
  const dataType = type === 'raw' ? initializer.dataType : plainType
  const head = toBinary(
    TensorProtoSchema,
    create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType }),
  )
  const raw = [...tag(9), ...varint(rawLength)]
  const tensorLength = head.length + raw.length + rawLength
  return { prefix: [...tag(5), ...varint(tensorLength), ...head, ...raw], rawLength }
}

/** Tag of a length-delimited field. */
function tag(field: number): number[] {
  return varint(field * 8 + 2)
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  bytes.push(rest)
  return bytes
}
