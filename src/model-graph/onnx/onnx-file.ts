import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type AttributeProto,
  AttributeProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
  type ValueInfoProto,
} from 'onnx-buf'
import type { OnnxConstant } from '../model.ts'
import { onnxConstant } from './onnx-constants.ts'

/** A node that computes; constants are not nodes here. */
export interface OnnxNode {
  readonly proto: NodeProto
  /** Unique in the file. */
  readonly name: string
  /** Values it reads, those that its subgraphs take from outside included, each once. */
  readonly reads: readonly string[]
  /** Values it gives, unnamed ones left out. */
  readonly writes: readonly string[]
}

export interface OnnxFile {
  readonly path: string
  readonly name: string
  /** Serialised `onnx.ModelProto` without the graph. */
  readonly header: Uint8Array
  readonly nodes: readonly OnnxNode[]
  readonly constants: ReadonlyMap<string, OnnxConstant>
  /** Constants that are texts: class names. No engine takes them, so nothing that computes may read them. */
  readonly texts: ReadonlyMap<string, readonly string[]>
  /** Nodes of the model's own functions, by name. */
  readonly functions: ReadonlyMap<string, readonly NodeProto[]>
  /** Files with external data. */
  readonly externalPaths: readonly string[]
  /** Values to be given; constants that old files list as inputs are left out. */
  readonly inputs: readonly ValueInfoProto[]
  readonly outputs: readonly ValueInfoProto[]
  /** Values that nothing is cut at, as they lie within a layer of the source. */
  readonly inner?: ReadonlySet<string>
  /** Types of the source's layers by name, where a layer is several nodes. */
  readonly layerTypes?: ReadonlyMap<string, string>
  /** Maps have their channels last. */
  readonly hasChannelsLast?: boolean
}

/**
 * Reads an ONNX file's bytes. Of constants only the place is kept.
 * @throws {TypeError} where the file is truncated, not ONNX, or malformed; the message names file and place.
 */
export function parseOnnxFile(bytes: Uint8Array<ArrayBuffer>, path: string): OnnxFile {
  const model = parseModel(bytes, path)
  const { graph } = model
  if (graph === undefined || graph.node.length === 0 || model.opsetImport.length === 0) {
    throw new TypeError(
      `Cannot load ${path}: it must be an ONNX model with nodes and operator versions; it is truncated or another kind of file`,
    )
  }
  if (graph.sparseInitializer.length > 0) {
    throw new TypeError(`Cannot load ${path}: initializers must be dense, sparse ones are not supported`)
  }
  const tensors = graph.initializer.map((tensor): [string, TensorProto] => [tensor.name, tensor])
  for (const node of graph.node)
    if (isConstant(node)) tensors.push([node.output[0]!, constantValue(node, path)])
  const constants = new Map<string, OnnxConstant>()
  const texts = new Map<string, readonly string[]>()
  const externalPaths = new Set<string>()
  const textType: number = TensorProto_DataType.STRING
  for (const [name, tensor] of tensors) {
    if (tensor.dataType === textType) {
      const decoder = new TextDecoder()
      texts.set(
        name,
        tensor.stringData.map((text) => decoder.decode(text)),
      )
      continue
    }
    if (constants.has(name)) throw new TypeError(`Cannot load ${path}: constant '${name}' must occur once`)
    const { externalPath, ...constant } = onnxConstant(tensor, name, bytes, path)
    constants.set(name, constant)
    if (externalPath !== undefined) externalPaths.add(externalPath)
  }
  const header = create(ModelProtoSchema, {
    // Older files must list constants as inputs, which ours never do.
    irVersion: model.irVersion < 8n ? 8n : model.irVersion,
    producerName: 'surgeon',
    opsetImport: model.opsetImport,
    functions: model.functions,
  })
  const inputs = graph.input.filter(({ name }) => !constants.has(name))
  return {
    path,
    name: graph.name,
    header: toBinary(ModelProtoSchema, header),
    nodes: onnxNodes(
      graph.node.filter((node) => !isConstant(node)),
      inputs,
    ),
    constants,
    texts,
    functions: new Map(model.functions.map(({ name, node }) => [name, node])),
    externalPaths: [...externalPaths],
    inputs,
    outputs: graph.output,
  }
}

function parseModel(bytes: Uint8Array<ArrayBuffer>, path: string): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false })
  } catch (cause) {
    throw new TypeError(
      `Cannot load ${path}: it must be an ONNX model (${(cause as Error).message}); it is truncated or another kind of file`,
      { cause },
    )
  }
}

export function isConstant(node: NodeProto): boolean {
  return node.opType === 'Constant' && (node.domain === '' || node.domain === 'ai.onnx')
}

export function constantValue(node: NodeProto, path: string): TensorProto {
  const tensor = (dataType: TensorProto_DataType, dims: readonly number[], data: object): TensorProto =>
    create(TensorProtoSchema, { dataType, dims: dims.map(BigInt), ...data })
  const { FLOAT, INT64, STRING } = TensorProto_DataType
  const attribute = node.attribute[0] ?? create(AttributeProtoSchema)
  switch (attribute.name) {
    case 'value':
      if (attribute.t !== undefined) return attribute.t
      break
    case 'value_float':
      return tensor(FLOAT, [], { floatData: [attribute.f] })
    case 'value_floats':
      return tensor(FLOAT, [attribute.floats.length], { floatData: attribute.floats })
    case 'value_int':
      return tensor(INT64, [], { int64Data: [attribute.i] })
    case 'value_ints':
      return tensor(INT64, [attribute.ints.length], { int64Data: attribute.ints })
    case 'value_string':
      return tensor(STRING, [], { stringData: [attribute.s] })
    case 'value_strings':
      return tensor(STRING, [attribute.strings.length], { stringData: attribute.strings })
    default:
  }
  throw new TypeError(
    `Cannot load ${path}: layer '${node.name || node.output[0]}' of type Constant must hold numbers, current attribute is '${attribute.name}'`,
  )
}

/** Nodes under unique names. */
export function onnxNodes(protos: readonly NodeProto[], inputs: readonly ValueInfoProto[]): OnnxNode[] {
  // Words that stand for wounds, and names of input layers, cannot be names of nodes.
  const taken = new Set(['input', 'local', ...inputs.map(({ name }) => name)])
  return protos.map((proto) => {
    const writes = proto.output.filter((name) => name !== '')
    const stem = proto.name || writes[0] || proto.opType
    let name = stem
    for (let copy = 2; taken.has(name); copy += 1) name = `${stem}#${copy}`
    taken.add(name)
    const reads = [...new Set([...proto.input, ...proto.attribute.flatMap(capturedNames)])]
    return { proto, name, reads: reads.filter((read) => read !== ''), writes }
  })
}

/** Values that an attribute's subgraphs read and do not make: they are taken from the graph around. */
function capturedNames(attribute: AttributeProto): string[] {
  const graphs = attribute.g === undefined ? attribute.graphs : [attribute.g, ...attribute.graphs]
  return graphs.flatMap((graph) => {
    const own = new Set([
      ...graph.input.map(({ name }) => name),
      ...graph.initializer.map(({ name }) => name),
      ...graph.node.flatMap(({ output }) => output),
    ])
    const read = [
      ...graph.node.flatMap(({ input, attribute: inner }) => [...input, ...inner.flatMap(capturedNames)]),
      ...graph.output.map(({ name }) => name),
    ]
    return read.filter((name) => name !== '' && !own.has(name))
  })
}
