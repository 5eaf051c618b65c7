import { create, toBinary } from '@bufbuild/protobuf'
import {
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf'
import { elementCount } from '../tensor/element-count.ts'
import type { GraphValue, Initializer, OnnxGraph } from './onnx-message.ts'

/** Where large constants lie when not in the message: ONNX's external data, one file for all. */
export interface ExternalData {
  /** File name, relative to the message's. */
  readonly location: string
  /** Smaller constants stay in the message. */
  readonly minBytes: number
  /** Each constant begins at a multiple of it. */
  readonly alignment: number
}

/** Bytes of the message, and the constant that comes after them. */
export interface LayoutPart {
  readonly header: Uint8Array<ArrayBuffer>
  readonly constant?: {
    readonly initializer: Initializer
    readonly byteLength: number
    /** Zeros before it in the external data; undefined where it is in the message. */
    readonly padding: number | undefined
  }
}

/** An ONNX model of which only the constants' values are missing. */
export interface MessageLayout {
  readonly name: string
  readonly messageBytes: number
  /** Of the external data. */
  readonly dataBytes: number
  readonly parts: readonly LayoutPart[]
}

/**
 * Lays the graph out as an ONNX model. Every length is known from the shapes, so no constant has to be read for it.
 * (A protobuf library would hold all of them, and copy them once per level of nesting.) Fields of a repeated field may
 * be appended to a message's bytes: protobuf encoding, "Last One Wins" and repeated fields.
 * @throws {RangeError} above the 2 GiB that a protobuf message may have.
 */
export function layOutMessage(graph: OnnxGraph, external?: ExternalData): MessageLayout {
  const skeleton = create(GraphProtoSchema, {
    name: graph.name,
    node: [...graph.nodes],
    input: graph.inputs.map(valueInfo),
    output: graph.outputs.map(valueInfo),
  })
  const modelBytes = typeof graph.opset === 'number' ? modelHeader(graph.opset) : graph.opset
  const graphBytes = toBinary(GraphProtoSchema, skeleton)
  let dataBytes = 0
  let graphLength = graphBytes.length
  const parts: LayoutPart[] = []
  for (const initializer of graph.initializers) {
    const byteLength = byteLengthOf(initializer)
    if (external !== undefined && byteLength >= external.minBytes) {
      const offset = Math.ceil(dataBytes / external.alignment) * external.alignment
      const header = externalHeader(initializer, byteLength, external.location, offset)
      parts.push({ header, constant: { initializer, byteLength, padding: offset - dataBytes } })
      dataBytes = offset + byteLength
      graphLength += header.length
    } else {
      const header = inlineHeader(initializer, byteLength)
      parts.push({ header, constant: { initializer, byteLength, padding: undefined } })
      graphLength += header.length + byteLength
    }
  }
  const header = joined(modelBytes, tag(7), varint(graphLength), graphBytes)
  const messageBytes = header.length - graphBytes.length + graphLength
  if (messageBytes >= 2 ** 31)
    throw new RangeError(
      `Cannot lower ${graph.name}: its message must stay below 2 GiB, current size is ${messageBytes}`,
    )
  return { name: graph.name, messageBytes, dataBytes, parts: [{ header }, ...parts] }
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

function byteLengthOf(initializer: Initializer): number {
  if (initializer.type === 'raw') return initializer.byteLength
  const count = elementCount(initializer.dims)
  return count * (initializer.type === 'float32' ? 4 : 8)
}

function tensorInfo(initializer: Initializer) {
  const { name, dims, type } = initializer
  const plainType = type === 'float32' ? TensorProto_DataType.FLOAT : TensorProto_DataType.INT64
  return { name, dims: dims.map(BigInt), dataType: type === 'raw' ? initializer.dataType : plainType }
}

/** Everything of a GraphProto.initializer entry that stands before its raw values. */
function inlineHeader(initializer: Initializer, byteLength: number): Uint8Array<ArrayBuffer> {
  const head = toBinary(TensorProtoSchema, create(TensorProtoSchema, tensorInfo(initializer)))
  const raw = joined(tag(9), varint(byteLength))
  return joined(tag(5), varint(head.length + raw.length + byteLength), head, raw)
}

/** A whole GraphProto.initializer entry, which says where the values are. */
function externalHeader(
  initializer: Initializer,
  byteLength: number,
  location: string,
  offset: number,
): Uint8Array<ArrayBuffer> {
  const where = { location, offset: String(offset), length: String(byteLength) }
  const tensor = create(TensorProtoSchema, {
    ...tensorInfo(initializer),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries(where).map(([key, value]) => ({ key, value })),
  })
  const head = toBinary(TensorProtoSchema, tensor)
  return joined(tag(5), varint(head.length), head)
}

function joined(...parts: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let position = 0
  for (const part of parts) {
    bytes.set(part, position)
    position += part.length
  }
  return bytes
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
