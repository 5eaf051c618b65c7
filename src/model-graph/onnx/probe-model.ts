import { elementCount } from '../../tensor/element-count.ts'
/**
 * Asks ONNX Runtime itself for type and shape of every value of an ONNX file, so that they always agree with the
 * engine, and every operator that it runs is known. Weights are left out: each is a `ConstantOfShape` of zeros, made
 * when it is read and freed after, so that asking takes neither the file's memory nor its time to load. Where the
 * engine cannot tell all shapes beforehand, it runs once on zeros and gives the shapes, and the constants that
 * depend on them.
 */

import type { TensorProto_DataType as Type } from 'onnx-buf'
import type { InferenceSession, Tensor } from 'onnxruntime-common'
import { onnxNode } from '../../onnx/onnx-message.ts'
import type { OnnxRuntime } from '../../onnx/onnx-runtime.ts'
import type { OnnxConstant } from '../model.ts'
import { bytesOfValues, elementTypeOf, runtimeNameOf } from './element-types.ts'
import { keptConstant } from './onnx-constants.ts'
import type { OnnxFile, OnnxNode } from './onnx-file.ts'
import { type ProbeInput, type ProbeParts, probeMessage, type ValueFacts } from './probe-message.ts'
import type { SortedValues } from './sort-values.ts'

export interface ProbedModel {
  /** What layers read and give, constants included; axes that only values decide are 1. */
  readonly facts: ReadonlyMap<string, ValueFacts>
  /** Values of which the engine knows all axes before any run. */
  readonly certain: ReadonlySet<string>
  /** Constants that depend on sizes, of those that layers read. */
  readonly folded: ReadonlyMap<string, OnnxConstant>
}

type Open = <Result>(
  parts: Pick<ProbeParts, 'nodes' | 'outputs'>,
  use: (session: InferenceSession) => Result | Promise<Result>,
) => Promise<Result>

/** @throws {Error} as the engine words it, where it refuses the model. */
export function probeModel(
  runtime: OnnxRuntime,
  file: OnnxFile,
  sorted: SortedValues,
  inputs: readonly ProbeInput[],
): Promise<ProbedModel> {
  return withoutWeights(runtime, file, sorted, inputs, (open) => gather(runtime, file, sorted, inputs, open))
}

/** The nodes of which the engine cannot tell all axes before a run. @throws {Error} as {@link probeModel}. */
export async function nodesOfUnknownSize(
  runtime: OnnxRuntime,
  file: OnnxFile,
  sorted: SortedValues,
  inputs: readonly ProbeInput[],
  nodes: readonly OnnxNode[],
): Promise<OnnxNode[]> {
  if (nodes.length === 0) return []
  const parts = {
    nodes: [...sorted.preparing, ...sorted.data, ...sorted.variable],
    outputs: nodes.flatMap(({ writes }) => writes),
  }
  const declared = await withoutWeights(runtime, file, sorted, inputs, (open) => open(parts, declaredFacts))
  const certain = namesOfCertain(declared)
  return nodes.filter(({ writes }) => writes.some((value) => !certain.has(value)))
}

async function withoutWeights<Result>(
  runtime: OnnxRuntime,
  file: OnnxFile,
  sorted: SortedValues,
  inputs: readonly ProbeInput[],
  ask: (open: Open) => Promise<Result>,
): Promise<Result> {
  try {
    return await ask(opener(runtime, file, sorted, inputs, false))
  } catch {
    // Some operators insist on weights that are constants.
    return ask(opener(runtime, file, sorted, inputs, true))
  }
}

/** No axes may mean a scalar, or that nothing is known. */
function namesOfCertain(declared: ReadonlyMap<string, DeclaredValue>): Set<string> {
  const certain = [...declared].filter(([, { dims }]) => dims.length > 0 && !dims.includes(undefined))
  return new Set(certain.map(([name]) => name))
}

function opener(
  runtime: OnnxRuntime,
  file: OnnxFile,
  sorted: SortedValues,
  inputs: readonly ProbeInput[],
  realWeights: boolean,
): Open {
  return async (parts, use) => {
    const bytes = await probeMessage(file, sorted, inputs, { ...parts, realWeights })
    const session = await runtime.InferenceSession.create(bytes, {
      graphOptimizationLevel: 'disabled',
      executionMode: 'sequential',
      logSeverityLevel: 4,
    })
    try {
      return await use(session)
    } finally {
      await session.release()
    }
  }
}

/**
 * Values that depend on no data: outputs that are constant, conditions that are known. With the file's own weights, and
 * with its layers only where sizes of theirs are read.
 * @throws {Error} as the engine words it.
 */
export async function constantValues(
  runtime: OnnxRuntime,
  file: OnnxFile,
  sorted: SortedValues,
  inputs: readonly ProbeInput[],
  names: readonly string[],
): Promise<Map<string, OnnxConstant>> {
  const known = new Map(
    names.flatMap((name) => {
      const constant = file.constants.get(name)
      return constant === undefined ? [] : [[name, constant] as const]
    }),
  )
  const computed = names.filter((name) => !known.has(name))
  if (computed.length === 0) return known
  const nodes = computed.some((name) => sorted.kinds.get(name) === 'folded')
    ? [...sorted.preparing, ...sorted.data]
    : sorted.preparing.filter(({ writes }) => sorted.kinds.get(writes[0]!) === 'static')
  const open = opener(runtime, file, sorted, inputs, true)
  const results = await runOnZeros(runtime, nodes, inputs, computed, open)
  for (const [name, value] of results) known.set(name, ownConstant(value))
  return new Map(names.map((name) => [name, known.get(name)!]))
}

/** @param names Of values that are wanted; the engine gives them under others, as its results are a plain object. */
async function runOnZeros(
  runtime: OnnxRuntime,
  nodes: readonly OnnxNode[],
  inputs: readonly ProbeInput[],
  names: readonly string[],
  open: Open,
): Promise<Map<string, Tensor>> {
  const aliases = names.map((name, i): OnnxNode => {
    const alias = `probed:${i}`
    return { name: alias, proto: onnxNode('Identity', [name], [alias]), reads: [name], writes: [alias] }
  })
  const outputs = aliases.map(({ name }) => name)
  const results = await open({ nodes: [...nodes, ...aliases], outputs }, (session) =>
    session.run(Object.fromEntries(inputs.map((input) => [input.name, zeros(runtime, input)]))),
  )
  return new Map(names.map((name, i) => [name, results[outputs[i]!]!]))
}

async function gather(
  runtime: OnnxRuntime,
  file: OnnxFile,
  { data, variable, preparing, kinds }: SortedValues,
  inputs: readonly ProbeInput[],
  open: Open,
): Promise<ProbedModel> {
  const read = [...new Set([...data, ...variable].flatMap(({ reads }) => reads))]
  const folded = read.filter((name) => kinds.get(name) === 'folded')
  const wanted = [
    ...data.flatMap(({ writes }) => writes),
    ...read.filter((name) => kinds.get(name) === 'static'),
  ]
  const made = variable.flatMap(({ writes }) => writes)
  const nodes = [...preparing, ...data]
  const declared = await open(
    { nodes: [...nodes, ...variable], outputs: [...wanted, ...made] },
    declaredFacts,
  )
  const certain = namesOfCertain(declared)

  const facts = new Map<string, ValueFacts>(inputs.map(({ name, ...given }) => [name, given]))
  for (const name of read) {
    const constant = file.constants.get(name)
    if (constant !== undefined) facts.set(name, { dims: constant.dims, elementType: constant.dataType })
  }
  for (const [name, { dims, elementType }] of declared) {
    facts.set(name, { elementType, dims: dims.map((axis) => axis ?? 1) })
  }
  const unknown = wanted.filter((name) => declared.has(name) && !certain.has(name))
  if (unknown.length === 0 && folded.length === 0) return { facts, certain, folded: new Map() }

  const shapes = unknown.map((name): OnnxNode => {
    const shape = `${name}:probed-shape`
    return { name: shape, proto: onnxNode('Shape', [name], [shape]), reads: [name], writes: [shape] }
  })
  const asked = [...shapes.map(({ name }) => name), ...folded]
  const results = await runOnZeros(runtime, [...nodes, ...shapes], inputs, asked, open)
  for (const [i, name] of unknown.entries()) {
    const dims = Array.from(results.get(shapes[i]!.name)!.data as BigInt64Array, Number)
    facts.set(name, { elementType: declared.get(name)!.elementType, dims })
  }
  const constants = new Map(folded.map((name) => [name, ownConstant(results.get(name)!)]))
  for (const [name, { dims, dataType }] of constants) facts.set(name, { dims, elementType: dataType })
  return { facts, certain, folded: constants }
}

interface DeclaredValue {
  readonly dims: readonly (number | undefined)[]
  readonly elementType: Type
}

function declaredFacts({ outputMetadata }: InferenceSession): Map<string, DeclaredValue> {
  const found = new Map<string, DeclaredValue>()
  for (const value of outputMetadata) {
    const elementType = value.isTensor ? elementTypeOf(value.type) : undefined
    if (!value.isTensor || elementType === undefined) continue
    const dims = value.shape.map((axis) => (typeof axis === 'number' && axis >= 0 ? axis : undefined))
    found.set(value.name, { dims, elementType })
  }
  return found
}

function zeros(runtime: OnnxRuntime, { dims, elementType }: ProbeInput): Tensor {
  const count = elementCount(dims)
  const { buffer } = new Uint8Array(bytesOfValues(elementType, count)!)
  switch (runtimeNameOf(elementType) ?? '') {
    case 'float32':
      return new runtime.Tensor('float32', new Float32Array(buffer), dims)
    case 'float16':
      return new runtime.Tensor('float16', new Uint16Array(buffer), dims)
    case 'float64':
      return new runtime.Tensor('float64', new Float64Array(buffer), dims)
    case 'uint8':
      return new runtime.Tensor('uint8', new Uint8Array(buffer), dims)
    case 'int8':
      return new runtime.Tensor('int8', new Int8Array(buffer), dims)
    case 'bool':
      return new runtime.Tensor('bool', new Uint8Array(buffer), dims)
    case 'int32':
      return new runtime.Tensor('int32', new Int32Array(buffer), dims)
    case 'int64':
      return new runtime.Tensor('int64', new BigInt64Array(buffer), dims)
    default:
      throw new TypeError(`Cannot make an input: its type must be a number, current value is ${elementType}`)
  }
}

function ownConstant(tensor: Tensor): OnnxConstant {
  const { buffer, byteOffset, byteLength } = tensor.data as Uint8Array<ArrayBuffer>
  return keptConstant(
    tensor.dims,
    elementTypeOf(tensor.type)!,
    new Uint8Array(buffer, byteOffset, byteLength).slice(),
  )
}
