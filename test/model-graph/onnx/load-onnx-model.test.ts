import { readFileSync } from 'node:fs'
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
} from 'onnx-buf'
import * as onnxruntimeNode from 'onnxruntime-node'
import * as onnxruntimeWeb from 'onnxruntime-web'
import { expect, test } from 'vitest'
import { onnxNode } from '../../../src/executor/onnx/onnx-message.ts'
import { loadModel } from '../../../src/model-graph/load-model.ts'
import { graphFromOnnx } from '../../../src/model-graph/onnx/graph-from-onnx.ts'
import { parseOnnxFile } from '../../../src/model-graph/onnx/onnx-file.ts'
import { singleWounds } from '../../../src/model-graph/single-wounds.ts'
import { everyWound, runCut, runWhole, someInputs } from '../compare-cuts.ts'
import {
  type FileParts,
  floats,
  integers,
  onnxBytes,
  onnxFile,
  onnxGraph,
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

/** Convolution, split in two, one part through a convolution, joined, summed with the shortcut, pooled, classified. */
const residual: FileParts = {
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
    await graphFromOnnx(onnxruntimeNode, file, hints),
    await graphFromOnnx(onnxruntimeWeb, file, hints),
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

const external = (location: string, offset = 0) =>
  create(TensorProtoSchema, {
    name: 'stem',
    dims: [4n, 3n, 3n, 3n],
    dataType: TensorProto_DataType.FLOAT,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: location },
      { key: 'offset', value: String(offset) },
      { key: 'length', value: '432' },
    ],
  })

test('loadModel of ONNX reads external data, which must lie in the folder and be complete', async () => {
  const inside = weights('stem', [4, 3, 3, 3])
  const withStem = (stem: typeof inside): FileParts => ({
    ...residual,
    initializers: [stem, ...residual.initializers!.filter(({ name }) => name !== 'stem')],
  })
  const { directory, path } = await onnxFile(onnxBytes(withStem(external('data.bin', 16))))
  const data = join(directory, 'data.bin')
  await writeFile(data, Buffer.concat([Buffer.alloc(16), inside.rawData]))
  const model = await loadModel(path)
  const inputs = someInputs(model.graph)
  const reference = await loadAndCompare(residual)
  expect(await runWhole(model, inputs)).toEqual(reference.whole)
  expect(new Uint8Array((await model.weights.read('stem')).buffer)).toEqual(inside.rawData)

  const { hash } = model
  await writeFile(data, Buffer.concat([Buffer.alloc(16), inside.rawData.map((byte) => byte ^ 1)]))
  expect((await loadModel(path)).hash).not.toBe(hash)
  await truncate(data, 400)
  await expect(loadModel(path)).rejects.toThrow(
    /external data of 'stem' must end within .*data\.bin, .*truncated/,
  )
  await expect(model.weights.read('stem')).rejects.toThrow(/'stem'.*truncated/)

  await writeFile(join(directory, '..', `${hash}.bin`), Buffer.alloc(1000))
  for (const location of [`../${hash}.bin`, '/etc/hostname', 'absent.bin', '']) {
    const { path } = await onnxFile(onnxBytes(withStem(external(location))))
    await expect(loadModel(path)).rejects.toThrow(/'stem' external data must/)
  }
  const linked = await onnxFile(onnxBytes(withStem(external('link/data.bin'))))
  await mkdir(join(directory, 'other'))
  await writeFile(join(directory, 'other', 'data.bin'), Buffer.alloc(1000))
  await symlink(join(directory, 'other'), join(linked.directory, 'link'))
  await expect(loadModel(linked.path)).rejects.toThrow(/'stem' external data must/)
})

test('loadModel of ONNX names layer, type and file of what it refuses', async () => {
  const refusal = async (change: Partial<FileParts>) => {
    const { path } = await onnxFile(onnxBytes({ ...residual, ...change }))
    const error = await loadModel(path).then(
      () => new Error('it was accepted'),
      (reason: unknown) => reason as Error,
    )
    expect(error.message).toContain(path)
    return error.message
  }
  const replace = (position: number, node: ReturnType<typeof onnxNode>) => ({
    nodes: residual.nodes.with(position, node),
  })
  const changed = Object.assign(onnxNode('Frobnicate', ['left', 'conv'], ['changed']), { name: 'odd one' })
  expect(await refusal(replace(2, changed))).toMatch(
    /layer 'odd one' of type Frobnicate must be one that the engine runs/,
  )
  expect(await refusal(replace(2, onnxNode('Frobnicate', ['left', 'conv'], ['changed'])))).toMatch(
    /layer 'changed' of type Frobnicate/,
  )
  expect(await refusal(replace(2, onnxNode('Conv', ['joined', 'conv'], ['changed'])))).toMatch(
    /cycle is changed reads joined reads changed/,
  )
  expect(await refusal(replace(2, onnxNode('Conv', ['absent', 'conv'], ['changed'])))).toMatch(
    /layer 'changed' of type Conv .* nothing gives 'absent'/,
  )
  expect(await refusal(replace(2, onnxNode('Conv', ['left', 'dense'], ['changed'])))).toMatch(
    /layer 'changed' of type Conv/,
  )
  expect(await refusal(replace(2, onnxNode('Relu', ['left'], ['a'])))).toMatch(/'a' is given twice/)
  expect(await refusal(replace(2, onnxNode('RandomNormalLike', ['left'], ['changed'])))).toMatch(
    /type RandomNormalLike must give the same/,
  )
  expect(await refusal({ inputs: [value('image', [1, 3, 'h', 'w'])] })).toMatch(
    /input 'image' must be known, current shape is \[1, 3, \?, \?\]/,
  )
  expect(await refusal({ outputs: [value('dense', [4, 5])] })).toMatch(
    /output 'dense' must depend on an input/,
  )
  const short = Object.assign(weights('stem', [4, 3, 3, 3]), { dims: [4n, 3n, 3n, 4n] })
  expect(await refusal({ initializers: [short, ...residual.initializers!.slice(1)] })).toMatch(
    /'stem' must have 576 bytes .* current size is 432/,
  )
})

test('loadModel of ONNX refuses every truncation', async () => {
  const bytes = onnxBytes(residual)
  for (let length = 0; length < bytes.length; length += 13) {
    const { path } = await onnxFile(bytes.slice(0, length))
    await expect(loadModel(path)).rejects.toThrow(path)
  }
})

test('weights of ONNX must not be NaN', async () => {
  const stem = floats('stem', [4, 3, 3, 3], new Float32Array(108).fill(1).fill(Number.NaN, 77, 78))
  const { path } = await onnxFile(
    onnxBytes({ ...residual, initializers: [stem, ...residual.initializers!.slice(1)] }),
  )
  await expect(loadModel(path)).rejects.toThrow(/'stem' of .*value 77 is NaN/)
})

test('inputShapes close open axes', async () => {
  const { path } = await onnxFile(onnxBytes({ ...residual, inputs: [value('image', ['n', 3, 'h', 'w'])] }))
  const { graph, hash } = await loadModel(path, { inputShapes: { image: [1, 3, 10, 12] } })
  expect((await loadModel(path, { inputShapes: { image: [1, 3, 8, 8] } })).hash).not.toBe(hash)
  expect(graph.tensors.find(({ name }) => name === 'sum')!.shape).toEqual([4, 10, 12])
  await expect(loadModel(path, { inputShapes: { image: [1, 4, 10, 12] } })).rejects.toThrow(
    /must be \[\?, 3, \?, \?\]/,
  )
  await expect(loadModel(path, { inputShapes: { photo: [1] } })).rejects.toThrow(
    /must be of its inputs image/,
  )
})
