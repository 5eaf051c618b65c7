import { create, toBinary } from '@bufbuild/protobuf'
import {
  ModelProtoSchema,
  TensorProto_DataType as Type,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf'
import { z } from 'zod'
import type { LayerGraph } from '../layer-graph.ts'
import type { OnnxConstant, WeightSource } from '../model.ts'
import { fromNumbers } from '../onnx/element-types.ts'
import { type OnnxFile, onnxNodes } from '../onnx/onnx-file.ts'
import { openShardWeights } from '../shard-weights.ts'
import { readWeightsManifest } from '../weights-manifest.ts'
import { NodeWriter, type Sink, type TfAttribute, type TfNode, type TfShape } from './node-writer.ts'
import { writeNode } from './operators.ts'
import { typeOf } from './types.ts'

const topologySchema = z.object({
  node: z
    .array(
      z.object({
        name: z.string().min(1),
        op: z.string().min(1),
        input: z.array(z.string()).default([]),
        attr: z.record(z.string(), z.custom<TfAttribute>()).default({}),
      }),
    )
    .min(1),
})
const signatureSchema = z.object({
  outputs: z.record(z.string(), z.object({ name: z.string().min(1) })).default({}),
})

const opset = 17
const noLayers: LayerGraph = { name: '', layers: [], tensors: [], inputs: [], outputs: [] }

/**
 * A TensorFlow.js graph model as an ONNX file in memory: a TensorFlow node is some ONNX nodes, between which nothing is
 * cut, and a layer. Weights stay in their shards until they are read.
 * @param origin model.json.
 * @throws {TypeError} naming layer, type and file for what is not known. @throws {RangeError} for truncated shards.
 */
export async function graphModelFile(
  directory: string,
  json: { modelTopology: unknown; weightsManifest: unknown; signature?: unknown },
  origin: string,
): Promise<{ file: OnnxFile; shards: readonly string[] }> {
  const parsed = topologySchema.safeParse(json.modelTopology)
  if (!parsed.success) throw new TypeError(`Cannot load ${origin}: ${z.prettifyError(parsed.error)}`)
  const weights = await openShardWeights(directory, json.weightsManifest, noLayers)
  const { places } = readWeightsManifest(json.weightsManifest, origin)
  const constants = new Map<string, OnnxConstant>()
  const numbers = new Map<string, readonly number[]>()
  for (const { name, shape, encoding } of places.values()) {
    const dataType =
      encoding.stored === 'int32' ? Type.INT32 : encoding.isBool === true ? Type.BOOL : Type.FLOAT
    constants.set(name, weightConstant(weights, name, shape, dataType))
    if (dataType === Type.INT32) numbers.set(name, [...(await weights.read(name))])
  }

  const nodes = parsed.data.node.map(({ input, ...node }): TfNode => {
    // `^node` only says what must run before.
    const reads = input.filter((name) => !name.startsWith('^')).map((name) => name.replace(/:0$/, ''))
    return { ...node, reads }
  })
  const outputs = outputNames(nodes, json.signature)
  const plain = aliases(nodes, new Set(outputs))
  for (const node of nodes) {
    const known = numbers.get(node.reads[0] ?? '')
    if (plain.has(node.name) && known !== undefined) numbers.set(node.name, known)
  }
  const sink: Sink = { nodes: [], constants, inner: new Set(), numbers, origin }
  const inputs: ValueInfoProto[] = []
  for (const node of nodes) {
    if (node.op === 'Placeholder') inputs.push(inputInfo(node, origin))
    else if (node.op === 'Const') requireWeight(node, constants, origin)
    else if (node.op !== 'NoOp' && !plain.has(node.name)) {
      const reads = node.reads.map((name) => resolve(plain, name))
      writeNode(new NodeWriter({ ...node, reads }, sink))
    }
  }
  const header = create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'surgeon',
    opsetImport: [{ domain: '', version: BigInt(opset) }],
  })
  const file: OnnxFile = {
    path: origin,
    name: 'graph-model',
    header: toBinary(ModelProtoSchema, header),
    nodes: onnxNodes(sink.nodes, inputs),
    constants: sink.constants,
    texts: new Map(),
    functions: new Map(),
    externalPaths: [],
    inputs,
    outputs: outputs.map((name) => create(ValueInfoProtoSchema, { name })),
    inner: sink.inner,
    layerTypes: new Map(nodes.map(({ name, op }) => [name, op])),
    hasChannelsLast: true,
  }
  return { file, shards: weights.shards }
}

function weightConstant(
  weights: WeightSource,
  name: string,
  dims: readonly number[],
  dataType: Type,
): OnnxConstant {
  const count = dims.reduce((product, axis) => product * axis, 1)
  return {
    dims,
    dataType,
    byteLength: count * (dataType === Type.BOOL ? 1 : 4),
    async read() {
      const values = await weights.read(name)
      return dataType === Type.FLOAT
        ? new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
        : fromNumbers(dataType, [...values])
    },
  }
}

/** Nodes that hand on one value and are no output. */
function aliases(nodes: readonly TfNode[], outputs: ReadonlySet<string>): Map<string, string> {
  const passing = new Set(['Identity', 'StopGradient', 'Snapshot', 'PreventGradient'])
  const found = nodes.filter(({ op, name }) => passing.has(op) && !outputs.has(name))
  return new Map(found.map(({ name, reads }) => [name, reads[0] ?? '']))
}

function resolve(plain: ReadonlyMap<string, string>, name: string): string {
  let found = name
  for (let next = plain.get(found); next !== undefined; next = plain.get(found)) found = next
  return found
}

/** As the signature has them; without one, what no node reads. */
function outputNames(nodes: readonly TfNode[], signature: unknown): string[] {
  const { data } = signatureSchema.safeParse(signature ?? {})
  const named = Object.values(data?.outputs ?? {}).map(({ name }) => name.replace(/:0$/, ''))
  const known = new Set(nodes.map(({ name }) => name))
  if (named.length > 0 && named.every((name) => known.has(name.replace(/:\d+$/, ''))))
    return [...new Set(named)]
  const read = new Set(nodes.flatMap(({ reads }) => reads.map((name) => name.replace(/:\d+$/, ''))))
  const silent = new Set(['Const', 'NoOp', 'Placeholder'])
  return nodes.filter(({ name, op }) => !read.has(name) && !silent.has(op)).map(({ name }) => name)
}

function inputInfo({ name, attr }: TfNode, origin: string): ValueInfoProto {
  const shape: TfShape | undefined = attr['shape']?.shape
  const elemType = typeOf(attr['dtype']?.type)
  if (shape?.dim === undefined || shape.unknownRank === true || elemType === undefined)
    throw new TypeError(
      `Cannot load ${origin}: input '${name}' must be numbers with a known number of axes, current type is ${attr['dtype']?.type}`,
    )
  const dim = shape.dim.map(({ size }) =>
    Number(size ?? -1) > 0 ? { value: { case: 'dimValue' as const, value: BigInt(size!) } } : {},
  )
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } },
  })
}

function requireWeight({ name, op }: TfNode, constants: ReadonlyMap<string, unknown>, origin: string): void {
  if (constants.has(name)) return
  throw new TypeError(`Cannot load ${origin}: layer '${name}' of type ${op} must be among the weights`)
}
