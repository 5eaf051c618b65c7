import { create } from '@bufbuild/protobuf'
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  type TensorProto_DataType,
} from 'onnx-buf'

/** An attribute of a node; ONNX distinguishes what JavaScript's numbers do not. */
export type Attribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
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
  if ('texts' in value) {
    const strings = value.texts.map((text) => new TextEncoder().encode(text))
    return create(AttributeProtoSchema, { name, type: type.STRINGS, strings })
  }
  return create(AttributeProtoSchema, { name, type: type.STRING, s: new TextEncoder().encode(value.text) })
}
