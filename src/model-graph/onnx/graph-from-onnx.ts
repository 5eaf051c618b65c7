import { toBinary } from '@bufbuild/protobuf'
import { NodeProtoSchema, TensorProto_DataType } from 'onnx-buf'
import type { OnnxRuntime } from '../../onnx/onnx-runtime.ts'
import type { GraphTensor, Layer, LayerGraph, WeightSpec } from '../layer-graph.ts'
import type { OnnxConstant } from '../model.ts'
import { countOperations } from './count-operations.ts'
import { isWeightType } from './element-types.ts'
import type { OnnxFile, OnnxNode } from './onnx-file.ts'
import { type InputHints, isChannelsLastPicture, onnxInputs } from './onnx-inputs.ts'
import type { ProbeInput, ValueFacts } from './probe-message.ts'
import { type ProbedModel, probeModel } from './probe-model.ts'
import { nodeError, sortNodes } from './sort-nodes.ts'
import { sortValues } from './sort-values.ts'

export interface OnnxGraphParts {
  readonly graph: LayerGraph
  /** The file's constants and those that follow from sizes. */
  readonly constants: ReadonlyMap<string, OnnxConstant>
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
  file: OnnxFile,
  hints: InputHints,
): Promise<OnnxGraphParts> {
  const sorted = sortValues(file, sortNodes(file))
  const { data, variable, preparing, kinds } = sorted
  const read = new Set([...data, ...variable].flatMap(({ reads }) => reads))
  const inputs = onnxInputs(file, hints).filter(({ name }) => read.has(name))
  const probed = await probeModel(runtime, file, sorted, inputs).catch((cause: unknown) => {
    throw engineRefusal(file, [...preparing, ...data, ...variable], cause)
  })
  const constants = new Map([...file.constants, ...probed.folded])
  const drafts: Draft[] = data.map((node) => ({ name: node.name, type: node.proto.opType, nodes: [node] }))
  const [first] = variable
  if (first !== undefined) drafts.push({ name: first.name, type: first.proto.opType, nodes: variable })

  const ends = new Set(file.outputs.map(({ name }) => name))
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
  const addTensor = (name: string, producer: number, maker: string, open: boolean): void => {
    const id = tensors.length
    ids.set(name, id)
    const place = { id, name, producer, consumers: readers.get(name) ?? [] }
    tensors.push({ ...place, ...tensorForm(file, maker, name, probed.facts.get(name), inputs, open) })
  }
  for (const { name } of inputs) {
    const index = layers.length
    addTensor(name, index, `input '${name}'`, false)
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
    const open = nodes === variable
    const own = new Set(nodes.flatMap(({ writes }) => writes))
    const reads = [...new Set(nodes.flatMap(({ reads }) => reads))].filter((value) => !own.has(value))
    const given = [...own].filter((value) => ends.has(value) || (!open && readers.has(value)))
    for (const value of given) addTensor(value, index, `layer '${name}' of type ${type}`, open)
    const prepared = preparedBy(reads, preparation, probed)
    const constantNames = [...new Set([...reads, ...prepared.flatMap(({ reads }) => reads)])].filter(
      (value) => constants.has(value),
    )
    layers.push({
      index,
      name,
      type,
      inputs: reads.filter((value) => kinds.get(value) === 'data').map((value) => ids.get(value)!),
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
  return { graph, constants }
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

function tensorForm(
  file: OnnxFile,
  maker: string,
  name: string,
  facts: ValueFacts | undefined,
  inputs: readonly ProbeInput[],
  variable: boolean,
): Pick<GraphTensor, 'shape' | 'layout' | 'stored'> {
  if (facts === undefined || facts.dims.some((axis) => axis === 0)) {
    const found = facts === undefined ? 'another kind of value' : `[${facts.dims.join(', ')}]`
    throw new TypeError(
      `Cannot load ${file.path}: '${name}' of ${maker} must be a tensor of numbers that is not empty, it is ${found}`,
    )
  }
  const { dims, elementType } = facts
  const batched = dims.length > 1 && dims[0] === 1
  const shape = batched ? dims.slice(1) : dims.length === 0 ? [1] : dims
  const isPicture = inputs.some((input) => input.name === name) && batched && isChannelsLastPicture(shape)
  const layout = isPicture ? 'channels-last' : 'channels-first'
  if (batched && elementType === TensorProto_DataType.FLOAT && !variable) return { shape, layout }
  return { shape, layout, stored: { dims, elementType, variable } }
}

/** ONNX Runtime names the node or its operator somewhere in its message. */
function engineRefusal(file: OnnxFile, nodes: readonly OnnxNode[], cause: unknown): Error {
  // Told already: a constant that cannot be read.
  if (cause instanceof Error && cause.message.includes(file.path)) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  const named = nodes.find(({ name }) => message.includes(`(${name})`) || message.includes(`'${name}'`))
  const typed = nodes.find(({ proto }) => message.includes(`${proto.domain || 'ai.onnx'}:${proto.opType}(`))
  const node = named ?? typed ?? nodes.find(({ proto }) => new RegExp(`\\b${proto.opType}\\b`).test(message))
  if (node === undefined)
    return new TypeError(`Cannot load ${file.path}: the engine must accept it, it says: ${message}`, {
      cause,
    })
  return nodeError(file, node, `must be one that the engine runs, it says: ${message}`, cause)
}
