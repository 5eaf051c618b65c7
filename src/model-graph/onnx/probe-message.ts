import { create } from '@bufbuild/protobuf'
import { type NodeProto, NodeProtoSchema, TensorProtoSchema, TensorProto_DataType as Type } from 'onnx-buf'
import { type Initializer, onnxNode } from '../../onnx/onnx-message.ts'
import { serialiseModel } from '../../onnx/write-message.ts'
import { bytesOfValues } from './element-types.ts'
import type { OnnxFile, OnnxNode } from './onnx-file.ts'
import type { SortedValues } from './sort-values.ts'

/** A value as the engine sees it, for a batch of 1. */
export interface ValueFacts {
  readonly dims: readonly number[]
  readonly elementType: Type
}

export interface ProbeInput extends ValueFacts {
  readonly name: string
}

export interface ProbeParts {
  readonly nodes: readonly OnnxNode[]
  /** Values wanted; the engine finds out what they are. */
  readonly outputs: readonly string[]
  /** Give the weights themselves and not zeros made when they are read. */
  readonly realWeights: boolean
}

/** Up to this many bytes a constant may be a size or a setting, which must be as it is. */
const settingBytes = 4096

/** Types that `ConstantOfShape` can give and weights have. */
const zeroTypes: ReadonlySet<Type> = new Set([Type.FLOAT, Type.FLOAT16, Type.DOUBLE, Type.INT8, Type.UINT8])

/** Part of an ONNX file as a model of its own, without the memory that weights take. */
export function probeMessage(
  file: OnnxFile,
  sorted: SortedValues,
  inputs: readonly ProbeInput[],
  { nodes, outputs, realWeights }: ProbeParts,
): Promise<Uint8Array<ArrayBuffer>> {
  const decisive = decisiveConstants(sorted)
  const initializers: Initializer[] = []
  const zeros: NodeProto[] = []
  for (const name of new Set(nodes.flatMap(({ reads }) => reads))) {
    const constant = file.constants.get(name)
    if (constant === undefined) continue
    const { dims, dataType, byteLength } = constant
    if (realWeights || byteLength <= settingBytes || decisive.has(name) || !zeroTypes.has(dataType)) {
      initializers.push({ name, dims, type: 'raw', dataType, byteLength, values: () => constant.read() })
      continue
    }
    const shape = `${name}:probed-dims`
    const axes = BigInt64Array.from(dims.map(BigInt))
    initializers.push({
      name: shape,
      dims: [dims.length],
      type: 'int64',
      values: () => Promise.resolve(axes),
    })
    const zero = create(TensorProtoSchema, {
      dims: [1n],
      dataType,
      rawData: new Uint8Array(bytesOfValues(dataType, 1)!),
    })
    zeros.push(onnxNode('ConstantOfShape', [shape], [name], { value: { tensor: zero } }))
  }
  return serialiseModel({
    name: file.name,
    opset: file.header,
    // With unique names, so that the engine's refusal tells which one it means.
    nodes: [...zeros, ...nodes.map(({ proto, name }) => create(NodeProtoSchema, { ...proto, name }))],
    initializers,
    inputs: inputs.map(({ name, dims, elementType }) => ({ name, shape: dims, batch: 'none', elementType })),
    outputs: outputs.map((name) => ({ name, shape: undefined })),
  })
}

/** Constants on whose values the folded ones depend. */
function decisiveConstants({ preparing, kinds }: SortedValues): Set<string> {
  const decisive = new Set<string>()
  for (const node of preparing.toReversed()) {
    const folded = kinds.get(node.writes[0]!) === 'folded'
    if (!folded && !node.writes.some((value) => decisive.has(value))) continue
    for (const value of node.reads) decisive.add(value)
  }
  return decisive
}
