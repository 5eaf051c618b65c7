import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import {
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf'
import { onnxNode } from '../../../src/onnx/onnx-message.ts'
import { elementCount } from '../../../src/tensor/element-count.ts'

/** An axis is a length, or a name where the file leaves it open. */
export function value(
  name: string,
  axes: readonly (number | string)[] | undefined,
  elemType = TensorProto_DataType.FLOAT,
): ValueInfoProto {
  if (axes === undefined) return create(ValueInfoProtoSchema, { name })
  const dim = axes.map((axis) => ({
    value:
      typeof axis === 'number'
        ? { case: 'dimValue' as const, value: BigInt(axis) }
        : { case: 'dimParam' as const, value: axis },
  }))
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } },
  })
}

/** Reproducible values around zero. */
export function weights(name: string, dims: readonly number[]): TensorProto {
  const count = elementCount(dims)
  const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + name.length) * 0.5)
  return floats(name, dims, values)
}

export function floats(
  name: string,
  dims: readonly number[],
  values: Float32Array<ArrayBuffer>,
): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType: TensorProto_DataType.FLOAT,
    rawData: new Uint8Array(values.buffer),
  })
}

/** Listed one by one, as some exporters do. */
export function integers(name: string, values: readonly number[]): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: [BigInt(values.length)],
    dataType: TensorProto_DataType.INT64,
    int64Data: values.map(BigInt),
  })
}

export interface FileParts {
  readonly nodes: readonly NodeProto[]
  readonly initializers?: readonly TensorProto[]
  readonly inputs: readonly ValueInfoProto[]
  readonly outputs: readonly ValueInfoProto[]
  readonly opset?: number
}

export function onnxGraph({ nodes, initializers = [], inputs, outputs }: FileParts): GraphProto {
  return create(GraphProtoSchema, {
    name: 'graph',
    node: [...nodes],
    initializer: [...initializers],
    input: [...inputs],
    output: [...outputs],
  })
}

export function onnxBytes(parts: FileParts): Uint8Array {
  const opsetImport = [
    { domain: '', version: BigInt(parts.opset ?? 13) },
    { domain: 'ai.onnx.ml', version: 2n },
  ]
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 7n, opsetImport, graph: onnxGraph(parts) }),
  )
}

/** Writes bytes as model.onnx into a folder of their own. */
export async function onnxFile(bytes: Uint8Array): Promise<{ directory: string; path: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'surgeon-onnx-'))
  const path = join(directory, 'model.onnx')
  await writeFile(path, bytes)
  return { directory, path }
}

/** Convolution, split in two, one part through a convolution, joined, summed with the shortcut, pooled, classified. */
export const residual: FileParts = {
  inputs: [value('image', ['batch', 3, 8, 8])],
  outputs: [value('logits', ['batch', 5])],
  initializers: [
    weights('stem', [4, 3, 3, 3]),
    weights('conv', [2, 2, 1, 1]),
    ...['gamma', 'beta', 'mean'].map((name) => weights(name, [4])),
    floats('variance', [4], Float32Array.of(1, 2, 0.5, 1)),
    integers('parts', [2, 2]),
    integers('flat', [-1, 4]),
    weights('dense', [4, 5]),
  ],
  nodes: [
    onnxNode('Conv', ['image', 'stem'], ['a'], { pads: { ints: [1, 1, 1, 1] } }),
    onnxNode('Split', ['a', 'parts'], ['left', 'right'], { axis: { int: 1 } }),
    onnxNode('Conv', ['left', 'conv'], ['changed']),
    onnxNode('Concat', ['changed', 'right'], ['joined'], { axis: { int: 1 } }),
    onnxNode('BatchNormalization', ['joined', 'gamma', 'beta', 'mean', 'variance'], ['normed']),
    onnxNode('Add', ['normed', 'a'], ['sum']),
    onnxNode('GlobalAveragePool', ['sum'], ['pooled']),
    onnxNode('Reshape', ['pooled', 'flat'], ['flattened']),
    onnxNode('MatMul', ['flattened', 'dense'], ['logits']),
  ],
}
