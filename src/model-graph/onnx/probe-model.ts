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
  /** Constants that depend on sizes, of those that layers read. */
  readonly folded: ReadonlyMap<string, OnnxConstant>
}

type Open = <Result>(
  parts: Pick<ProbeParts, 'nodes' | 'outputs'>,
  use: (session: InferenceSession) => Result | Promise<Result>,
) => Promise<Result>

/** @throws {Error} as the engine words it, where it refuses the model. */
export async function probeModel(
  runtime: OnnxRuntime,
  file: OnnxFile,
  sorted: SortedValues,
  inputs: readonly ProbeInput[],
): Promise<ProbedModel> {
  const attempt = (realWeights: boolean): Promise<ProbedModel> => {
    const open: Open = async (parts, use) => {
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
    return gather(runtime, file, sorted, inputs, open)
  }
  try {
    return await attempt(false)
  } catch {
    // Some operators insist on weights that are constants.
    return attempt(true)
  }
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
  const ends = file.outputs.map(({ name }) => name).filter((name) => kinds.get(name) === 'variable')
  const nodes = [...preparing, ...data]
  const declared = await open(
    { nodes: [...nodes, ...variable], outputs: [...wanted, ...ends] },
    declaredFacts,
  )

  const facts = new Map<string, ValueFacts>(inputs.map(({ name, ...given }) => [name, given]))
  for (const name of read) {
    const constant = file.constants.get(name)
    if (constant !== undefined) facts.set(name, { dims: constant.dims, elementType: constant.dataType })
  }
  for (const [name, { dims, elementType }] of declared) {
    facts.set(name, { elementType, dims: dims.map((axis) => axis ?? 1) })
  }
  // No axes may mean a scalar, or that nothing is known.
  const unknown = wanted.filter((name) => {
    const dims = declared.get(name)?.dims
    return dims !== undefined && (dims.length === 0 || dims.includes(undefined))
  })
  if (unknown.length === 0 && folded.length === 0) return { facts, folded: new Map() }

  const shapeOf = new Map(unknown.map((name) => [name, `${name}:probed-shape`]))
  const shapeNodes = [...shapeOf].map(
    ([name, shape]): OnnxNode => ({
      name: shape,
      proto: onnxNode('Shape', [name], [shape]),
      reads: [name],
      writes: [shape],
    }),
  )
  const results = await open(
    { nodes: [...nodes, ...shapeNodes], outputs: [...shapeOf.values(), ...folded] },
    (session) => session.run(Object.fromEntries(inputs.map((input) => [input.name, zeros(runtime, input)]))),
  )
  for (const [name, shape] of shapeOf) {
    const dims = Array.from(results[shape]!.data as BigInt64Array, Number)
    facts.set(name, { elementType: declared.get(name)!.elementType, dims })
  }
  const constants = new Map(folded.map((name) => [name, ownConstant(results[name]!)]))
  for (const [name, { dims, dataType }] of constants) facts.set(name, { dims, elementType: dataType })
  return { facts, folded: constants }
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
