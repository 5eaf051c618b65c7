import { toBinary } from '@bufbuild/protobuf'
import { NodeProtoSchema, TensorProto_DataType } from 'onnx-buf'
import type { OnnxRuntime } from '../../onnx/onnx-runtime.ts'
import type { GraphTensor, Layer, LayerGraph, WeightSpec } from '../layer-graph.ts'
import type { OnnxConstant } from '../model.ts'
import { countOperations } from './count-operations.ts'
import { isWeightType } from './element-types.ts'
import { joinNodes } from './join-nodes.ts'
import { numberOutputs } from './number-outputs.ts'
import type { OnnxFile, OnnxNode } from './onnx-file.ts'
import { type InputHints, isChannelsLastPicture } from './onnx-inputs.ts'
import type { ProbeInput, ValueFacts } from './probe-message.ts'
import type { ProbedModel } from './probe-model.ts'
import { settleFile } from './settle-file.ts'
import { sortNodes } from './sort-nodes.ts'

export interface OnnxGraphParts {
  readonly graph: LayerGraph
  /** The file's constants and those that follow from sizes. */
  readonly constants: ReadonlyMap<string, OnnxConstant>
  /** Outputs that are the same for every input. */
  readonly constantOutputs: ReadonlyMap<string, OnnxConstant>
  /** Class names that the file itself holds; empty where it has none. */
  readonly classNames: readonly string[]
}

/** A layer before it has an index. */
interface Draft {
  readonly name: string
  readonly type: string
  readonly nodes: readonly OnnxNode[]
}

/**
 * Builds the layer graph of an ONNX file for a batch of 1. Layers are the nodes that compute with data, in the file's
 * order where it is topological; inputs that nothing reads and nodes that lead nowhere are left out.
 * @param hints Stand in for axes that the file leaves open.
 * @throws {TypeError} naming layer, type and file for an operator that the engine does not know, a cycle, a value
 * that nothing gives; and naming the value for one without a fixed shape.
 */
export async function graphFromOnnx(
  runtime: OnnxRuntime,
  given: OnnxFile,
  hints: InputHints,
): Promise<OnnxGraphParts> {
  const { file: numbers, classNames } = numberOutputs(given)
  const settled = await settleFile(runtime, numbers, hints)
  const { file, sorted, inputs, probed, constantOutputs } = settled
  const { data, variable, preparing, kinds } = sorted
  const constants = new Map([...file.constants, ...probed.folded])
  const canCross = (value: string): boolean =>
    probed.facts.has(value) &&
    file.inner?.has(value) !== true &&
    (kinds.get(value) !== 'variable' || probed.certain.has(value))
  const order = new Set([...data, ...variable])
  const layered = sortNodes(file).filter((node) => order.has(node))
  const drafts = joinNodes(layered, canCross).map((nodes): Draft => {
    const first = nodes.find(({ writes }) => file.inner?.has(writes[0]!) !== true) ?? nodes[0]!
    const { name, proto } = first
    return { name, type: file.layerTypes?.get(name) ?? proto.opType, nodes }
  })

  const ends = new Set(sorted.outputs)
  const readers = new Map<string, number[]>()
  for (const [position, { nodes }] of drafts.entries()) {
    for (const value of new Set(nodes.flatMap(({ reads }) => reads))) {
      const list = readers.get(value) ?? []
      readers.set(value, [...list, inputs.length + position])
    }
  }

  const layers: Layer[] = []
  const tensors: GraphTensor[] = []
  const ids = new Map<string, number>()
  const addTensor = (name: string, producer: number, maker: string): void => {
    const id = tensors.length
    ids.set(name, id)
    const open = kinds.get(name) === 'variable' && !probed.certain.has(name)
    const consumers = (readers.get(name) ?? []).filter((reader) => reader !== producer)
    const place = { id, name, producer, consumers }
    const isBetween = !ends.has(name) && !inputs.some((input) => input.name === name)
    const form = tensorForm(file, maker, name, probed.facts.get(name), inputs, { open, isBetween })
    tensors.push({ ...place, ...form })
  }
  for (const { name } of inputs) {
    const index = layers.length
    addTensor(name, index, `input '${name}'`)
    const definition = { source: 'onnx', nodes: [], constants: [] } as const
    layers.push({
      index,
      name,
      type: 'InputLayer',
      inputs: [],
      outputs: [index],
      weights: [],
      operations: 0,
      definition,
    })
  }
  const preparation = new Map(preparing.flatMap((node) => node.writes.map((value) => [value, node] as const)))
  const owned = new Set<string>()
  for (const { name, type, nodes } of drafts) {
    const index = layers.length
    const own = new Set(nodes.flatMap(({ writes }) => writes))
    const reads = [...new Set(nodes.flatMap(({ reads }) => reads))].filter((value) => !own.has(value))
    const read = (value: string): boolean => readers.get(value)?.some((reader) => reader !== index) === true
    const given = [...own].filter((value) => ends.has(value) || read(value))
    for (const value of given) addTensor(value, index, `layer '${name}' of type ${type}`)
    const prepared = preparedBy(reads, preparation, probed)
    const constantNames = [...new Set([...reads, ...prepared.flatMap(({ reads }) => reads)])].filter(
      (value) => constants.has(value),
    )
    layers.push({
      index,
      name,
      type,
      inputs: reads.flatMap((value) => ids.get(value) ?? []),
      outputs: given.map((value) => ids.get(value)!),
      weights: weightsOf(constantNames, file.constants, nodes, owned),
      operations: nodes.reduce((sum, { proto }) => sum + countOperations(proto, probed.facts), 0),
      definition: {
        source: 'onnx',
        nodes: [...prepared, ...nodes].map(({ proto }) => toBinary(NodeProtoSchema, proto)),
        constants: constantNames,
      },
    })
  }
  const graph: LayerGraph = {
    name: file.name,
    layers,
    tensors,
    inputs: inputs.map(({ name }) => ids.get(name)!),
    outputs: [...ends].map((name) => ids.get(name)!),
    onnxHeader: file.header,
  }
  return { graph, constants, constantOutputs, classNames }
}

/** Nodes that make a layer's constants, in order, as far back as constants of the file or folded ones. */
function preparedBy(
  reads: readonly string[],
  preparation: ReadonlyMap<string, OnnxNode>,
  { folded }: ProbedModel,
): OnnxNode[] {
  const found = new Set<OnnxNode>()
  const visit = (value: string): void => {
    const node = folded.has(value) ? undefined : preparation.get(value)
    if (node === undefined || found.has(node)) return
    for (const read of node.reads) visit(read)
    found.add(node)
  }
  for (const value of reads) visit(value)
  return [...found]
}

/** A weight that several layers share counts for the first. */
function weightsOf(
  names: readonly string[],
  constants: ReadonlyMap<string, OnnxConstant>,
  nodes: readonly OnnxNode[],
  owned: Set<string>,
): WeightSpec[] {
  const statistics = new Set(
    nodes
      .filter(({ proto }) => proto.opType === 'BatchNormalization')
      .flatMap(({ proto }) => proto.input.slice(3)),
  )
  return names.flatMap((name) => {
    const constant = constants.get(name)
    if (
      constant === undefined ||
      owned.has(name) ||
      constant.dims.length === 0 ||
      !isWeightType(constant.dataType)
    )
      return []
    owned.add(name)
    return [{ name, shape: constant.dims, trainable: !statistics.has(name) }]
  })
}

/** Float32 values that hold one value of these types exactly. */
const digitsOf: ReadonlyMap<TensorProto_DataType, number> = new Map([
  [TensorProto_DataType.INT64, 3],
  [TensorProto_DataType.UINT64, 3],
  [TensorProto_DataType.INT32, 2],
  [TensorProto_DataType.UINT32, 2],
  [TensorProto_DataType.DOUBLE, 3],
])

function tensorForm(
  file: OnnxFile,
  maker: string,
  name: string,
  facts: ValueFacts | undefined,
  inputs: readonly ProbeInput[],
  { open: variable, isBetween }: { readonly open: boolean; readonly isBetween: boolean },
): Pick<GraphTensor, 'shape' | 'layout' | 'stored'> {
  if (facts === undefined) {
    throw new TypeError(
      `Cannot load ${file.path}: '${name}' of ${maker} must be a tensor of numbers, it is another kind of value`,
    )
  }
  const { dims, elementType } = facts
  const batched = dims.length > 1 && dims[0] === 1
  const shape = batched ? dims.slice(1) : dims.length === 0 ? [1] : dims
  const isPicture = inputs.some((input) => input.name === name) && isChannelsLastPicture(shape)
  const isMap = isPicture || (file.hasChannelsLast === true && shape.length === 3)
  const layout = batched && isMap ? 'channels-last' : 'channels-first'
  if (batched && elementType === TensorProto_DataType.FLOAT && !variable) return { shape, layout }
  const digits = isBetween ? (digitsOf.get(elementType) ?? 1) : 1
  return {
    shape: digits > 1 ? [digits, ...shape] : shape,
    layout,
    stored: { dims, elementType, variable, digits },
  }
}
