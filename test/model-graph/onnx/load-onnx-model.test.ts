import { readFileSync } from 'node:fs'
import { create } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
} from 'onnx-buf'
import { expect, test } from 'vitest'
import { loadModel } from '../../../src/model-graph/load-model.ts'
import { graphFromOnnx } from '../../../src/model-graph/onnx/graph-from-onnx.ts'
import { parseOnnxFile } from '../../../src/model-graph/onnx/onnx-file.ts'
import { singleWounds } from '../../../src/model-graph/single-wounds.ts'
import { onnxNode } from '../../../src/onnx/onnx-message.ts'
import { nativeOnnxRuntime, webAssemblyOnnxRuntime } from '../../../src/onnx/onnx-runtime.ts'
import { everyWound, runCut, runWhole, someInputs } from '../compare-cuts.ts'
import {
  type FileParts,
  floats,
  integers,
  onnxBytes,
  onnxFile,
  onnxGraph,
  residual,
  value,
  weights,
} from './onnx-files.ts'

/** Loads the file, compares every legal wound with the whole, and gives the model. */
async function loadAndCompare(parts: FileParts, range = 1) {
  const { path } = await onnxFile(onnxBytes(parts))
  const model = await loadModel(path)
  const inputs = someInputs(model.graph, range)
  const whole = await runWhole(model, inputs)
  for (const wound of everyWound(model.graph)) {
    const pieces = await runCut(model, wound, inputs)
    for (const [output, { shape, data }] of whole.entries()) {
      expect(pieces[output]!.shape).toEqual(shape)
      const difference = data.map((expected, i) => Math.abs(pieces[output]!.data[i]! - expected))
      expect([wound.id, Math.max(...difference) < 1e-4]).toEqual([wound.id, true])
    }
  }
  return { model, whole }
}

test('loadModel of ONNX cuts residual and split nodes at every down-closed set, batch open or 1', async () => {
  const open = await loadAndCompare(residual)
  const fixed = await loadAndCompare({ ...residual, inputs: [value('image', [1, 3, 8, 8])] })
  expect(fixed.whole).toEqual(open.whole)
  const { graph, hash } = open.model
  expect(hash).not.toBe(fixed.model.hash)
  expect(graph.layers.map(({ name, type, operations }) => [name, type, operations])).toEqual([
    ['image', 'InputLayer', 0],
    ['a', 'Conv', 2 * 4 * 64 * 27],
    ['left', 'Split', 128],
    ['changed', 'Conv', 2 * 2 * 64 * 2],
    ['joined', 'Concat', 256],
    ['normed', 'BatchNormalization', 256],
    ['sum', 'Add', 256],
    ['pooled', 'GlobalAveragePool', 256],
    ['flattened', 'Reshape', 0],
    ['logits', 'MatMul', 40],
  ])
  expect(singleWounds(graph).map(({ id }) => id)).toEqual([
    'input',
    'a',
    'sum',
    'pooled',
    'flattened',
    'local',
  ])
  expect(graph.tensors.map(({ name, shape }) => `${name} ${shape.join()}`)).toContain('right 2,8,8')
  const specs = graph.layers.flatMap((layer) => layer.weights)
  expect(specs.map(({ name, trainable }) => `${name} ${trainable}`)).toEqual(
    ['stem', 'conv', 'gamma', 'beta', 'mean', 'variance', 'dense'].map(
      (n) => `${n} ${n !== 'mean' && n !== 'variance'}`,
    ),
  )
  expect(() => open.model.manifest).toThrow(/surgeon\.json must exist/)
})

test('loadModel of ONNX folds shape arithmetic and keeps prepared weights', async () => {
  const unit = onnxNode('Constant', [], ['unit'])
  const { FLOATS } = AttributeProto_AttributeType
  unit.attribute.push(create(AttributeProtoSchema, { name: 'value_floats', type: FLOATS, floats: [1.5] }))
  const { model } = await loadAndCompare({
    inputs: [value('x', ['n', 4, 6])],
    outputs: [value('y', undefined)],
    initializers: [
      integers('zero', [0]),
      integers('rest', [-1]),
      weights('kernel', [7, 24]),
      integers('one', [1]),
    ],
    nodes: [
      onnxNode('Relu', ['x'], ['r']),
      onnxNode('Shape', ['r'], ['dims']),
      onnxNode('Gather', ['dims', 'zero'], ['batch']),
      onnxNode('Concat', ['batch', 'rest'], ['target'], { axis: { int: 0 } }),
      onnxNode('Reshape', ['r', 'target'], ['flat']),
      unit,
      onnxNode('Transpose', ['kernel'], ['turned']),
      onnxNode('Gemm', ['flat', 'turned', 'unit'], ['y'], { transB: { int: 0 } }),
    ],
  })
  expect(model.graph.layers.map(({ type }) => type)).toEqual(['InputLayer', 'Relu', 'Reshape', 'Gemm'])
  expect(model.graph.layers.at(-1)!.weights).toEqual([
    { name: 'unit', shape: [1], trainable: true },
    { name: 'kernel', shape: [7, 24], trainable: true },
  ])
})

test('loadModel of ONNX cuts quantised models at bytes', async () => {
  const scale = (name: string, size: number) => floats(name, [], Float32Array.of(size))
  const quantised = create(TensorProtoSchema, {
    name: 'bytes',
    dims: [3n, 2n, 2n, 2n],
    dataType: TensorProto_DataType.INT8,
    int32Data: Array.from({ length: 24 }, (_, i) => ((i * 37) % 255) - 127),
  })
  const { model } = await loadAndCompare({
    inputs: [value('x', [1, 2, 5, 5])],
    outputs: [value('y', undefined)],
    initializers: [quantised, scale('fine', 0.01), scale('coarse', 0.05)],
    nodes: [
      onnxNode('QuantizeLinear', ['x', 'fine'], ['q']),
      onnxNode('DequantizeLinear', ['q', 'fine'], ['dq']),
      onnxNode('DequantizeLinear', ['bytes', 'fine'], ['kernel']),
      onnxNode('Conv', ['dq', 'kernel'], ['c']),
      onnxNode('QuantizeLinear', ['c', 'coarse'], ['qc']),
      onnxNode('DequantizeLinear', ['qc', 'coarse'], ['y']),
    ],
  })
  const { layers, tensors } = model.graph
  expect(layers.map(({ name }) => name)).toEqual(['x', 'q', 'dq', 'c', 'qc', 'y'])
  expect(tensors[1]!.stored!.elementType).toBe(TensorProto_DataType.UINT8)
  expect(layers[3]!.weights.map(({ name }) => name)).toEqual(['bytes'])
  expect((await model.weights.read('bytes')).slice(0, 3)).toEqual(Float32Array.of(-127, -90, -53))
})

test('the WebAssembly build of the engine tells the same of a file as the native one', async () => {
  const { path } = await onnxFile(onnxBytes(residual))
  const file = parseOnnxFile(new Uint8Array(readFileSync(path)), path)
  const hints = { size: undefined, shapes: {} }
  const [native, web] = [
    await graphFromOnnx(nativeOnnxRuntime(), file, hints),
    await graphFromOnnx(await webAssemblyOnnxRuntime(), file, hints),
  ]
  expect(web.graph).toEqual(native.graph)
})

test('loadModel of ONNX carries whole numbers, tensors without batch, bytes and pictures with channels last', async () => {
  const { model, whole } = await loadAndCompare(
    {
      inputs: [value('photo', [1, 6, 6, 3], TensorProto_DataType.UINT8)],
      outputs: [
        value('best', undefined, TensorProto_DataType.INT64),
        value('map', undefined),
        value('mean', undefined),
      ],
      initializers: [weights('kernel', [2, 3, 3, 3])],
      nodes: [
        onnxNode('Cast', ['photo'], ['floats'], { to: { int: TensorProto_DataType.FLOAT } }),
        onnxNode('Transpose', ['floats'], ['turned'], { perm: { ints: [0, 3, 1, 2] } }),
        onnxNode('Conv', ['turned', 'kernel'], ['c']),
        onnxNode('Squeeze', ['c'], ['no-batch']),
        onnxNode('Sigmoid', ['no-batch'], ['map']),
        onnxNode('ReduceMean', ['map'], ['mean'], { keepdims: { int: 0 } }),
        onnxNode('ArgMax', ['map'], ['best'], { axis: { int: 0 } }),
      ],
    },
    100,
  )
  const { graph } = model
  expect(graph.tensors[0]).toMatchObject({
    layout: 'channels-last',
    stored: { dims: [1, 6, 6, 3], elementType: TensorProto_DataType.UINT8 },
  })
  expect(graph.tensors.find(({ name }) => name === 'no-batch')).toMatchObject({
    shape: [2, 4, 4],
    stored: { dims: [2, 4, 4] },
  })
  expect(whole.map(({ shape }) => shape)).toEqual([
    [1, 4, 4],
    [1, 2, 4, 4],
    [1, 1],
  ])
})

test('loadModel of ONNX makes one layer of what follows a node of variable size', async () => {
  const { model } = await loadAndCompare({
    opset: 12,
    inputs: [value('x', [1, 1, 8])],
    outputs: [value('picked', ['found', 8])],
    initializers: [floats('threshold', [1], Float32Array.of(0.2)), integers('axis', [2])],
    nodes: [
      onnxNode('Tanh', ['x'], ['scores']),
      onnxNode('Greater', ['scores', 'threshold'], ['high']),
      onnxNode('NonZero', ['high'], ['places']),
      onnxNode('Transpose', ['places'], ['rows']),
      onnxNode('Cast', ['rows'], ['picked'], { to: { int: TensorProto_DataType.FLOAT } }),
    ],
  })
  expect(model.graph.layers.map(({ type }) => type)).toEqual(['InputLayer', 'Tanh', 'Greater', 'NonZero'])
  expect(model.graph.tensors.at(-1)!.stored!.variable).toBe(true)
})

test('loadModel of ONNX follows values into subgraphs', async () => {
  const branch = (op: string) =>
    onnxGraph({ nodes: [onnxNode(op, ['r'], ['out'])], inputs: [], outputs: [value('out', undefined)] })
  const choose = onnxNode('If', ['positive'], ['chosen'])
  const graphs = { then_branch: branch('Exp'), else_branch: branch('Neg') }
  for (const [name, g] of Object.entries(graphs)) {
    choose.attribute.push(create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.GRAPH, g }))
  }
  const { model } = await loadAndCompare({
    inputs: [value('x', [1, 2, 3])],
    outputs: [value('chosen', [1, 2, 3])],
    initializers: [floats('zero', [], Float32Array.of(0))],
    nodes: [
      onnxNode('Relu', ['x'], ['r']),
      onnxNode('ReduceSum', ['r'], ['total'], { keepdims: { int: 0 } }),
      onnxNode('Greater', ['total', 'zero'], ['positive']),
      choose,
    ],
  })
  const { layers, tensors } = model.graph
  expect(layers.at(-1)!.inputs.map((id) => tensors[id]!.name)).toEqual(['positive', 'r'])
})
