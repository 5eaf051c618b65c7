import { create } from '@bufbuild/protobuf'
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as Kind,
  TensorProto_DataType,
  TensorProtoSchema,
} from 'onnx-buf'
import { expect, test } from 'vitest'
import { largestDifference } from '../../../src/executor/parity.ts'
import { loadModel } from '../../../src/model-graph/load-model.ts'
import { toFloat32 } from '../../../src/model-graph/onnx/element-types.ts'
import { onnxNode } from '../../../src/onnx/onnx-message.ts'
import { everyWound, runCut, runWhole, someInputs } from '../compare-cuts.ts'
import { runRaw } from '../raw-onnx.ts'
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

const { INT64, DOUBLE, BOOL, FLOAT, INT32 } = TensorProto_DataType

/** Loads the file, compares the whole with the untouched file and every legal wound with the whole. */
async function loadAndCompare(parts: FileParts, range = 1, shapes?: Record<string, number[]>) {
  const { path } = await onnxFile(onnxBytes(parts))
  const model = await loadModel(path, shapes === undefined ? {} : { inputShapes: shapes })
  const inputs = someInputs(model.graph, range)
  const whole = await runWhole(model, inputs)
  const raw = shapes === undefined ? await runRaw(path, model, inputs) : new Map<string, Float32Array>()
  for (const [i, id] of model.graph.outputs.entries()) {
    const values = whole[i]!.data
    expect([...values]).toEqual([...(raw.get(model.graph.tensors[id]!.name) ?? values)])
  }
  for (const wound of everyWound(model.graph)) {
    const pieces = await runCut(model, wound, inputs)
    const differences = whole.map((output, i) => largestDifference(pieces[i]!, output))
    expect([wound.id, Math.max(...differences) < 1e-5]).toEqual([wound.id, true])
  }
  const { tensors, layers } = model.graph
  return { model, layers: layers.map(({ name }) => name), tensors: tensors.map(({ name }) => name) }
}

const cast = (from: string, to: string, type: TensorProto_DataType) =>
  onnxNode('Cast', [from], [to], { to: { int: type } })

test('layers that a sequence joins are one, with what lies between them', async () => {
  const { layers } = await loadAndCompare({
    inputs: [value('x', [1, 4])],
    outputs: [value('y', [1, 4])],
    initializers: [integers('half', [2, 2]), integers('first', [0])],
    nodes: [
      onnxNode('Relu', ['x'], ['r']),
      onnxNode('SplitToSequence', ['r', 'half'], ['pieces'], { axis: { int: 1 } }),
      onnxNode('Neg', ['r'], ['n']),
      onnxNode('ConcatFromSequence', ['pieces'], ['joined'], { axis: { int: 1 } }),
      onnxNode('Add', ['joined', 'n'], ['sum']),
      onnxNode('Exp', ['sum'], ['y']),
    ],
  })
  expect(layers).toEqual(['x', 'r', 'pieces', 'n', 'sum', 'y'])
})

test('what a sequence spans is one layer, so that no cut leads back', async () => {
  const { layers } = await loadAndCompare({
    inputs: [value('x', [1, 4])],
    outputs: [value('y', undefined)],
    nodes: [
      onnxNode('Relu', ['x'], ['r']),
      onnxNode('SequenceConstruct', ['r', 'r'], ['s']),
      onnxNode('SequenceLength', ['s'], ['length']),
      cast('length', 'count', FLOAT),
      onnxNode('Mul', ['r', 'count'], ['m']),
      onnxNode('SequenceInsert', ['s', 'm'], ['grown']),
      onnxNode('ConcatFromSequence', ['grown'], ['all'], { axis: { int: 1 } }),
      onnxNode('Neg', ['all'], ['y']),
    ],
  })
  expect(layers).toEqual(['x', 'r', 's', 'y'])
})

test('tensors without values are constants, and so are inputs of no size', async () => {
  const parts: FileParts = {
    inputs: [value('x', [1, 4]), value('past', [1, 'n'])],
    outputs: [value('y', [1, 'm'])],
    initializers: [integers('zero', [0]), integers('axis', [1])],
    nodes: [
      onnxNode('Relu', ['x'], ['r']),
      onnxNode('Slice', ['r', 'zero', 'zero', 'axis'], ['none']),
      onnxNode('Concat', ['past', 'none', 'r'], ['c'], { axis: { int: 1 } }),
      onnxNode('Exp', ['c'], ['y']),
    ],
  }
  const { model, layers } = await loadAndCompare(parts, 1, { past: [1, 0] })
  expect(layers).toEqual(['x', 'r', 'c', 'y'])
  expect(model.graph.inputs).toHaveLength(1)
})

test('outputs that no input decides are known without computing', async () => {
  const { model } = await loadAndCompare({
    inputs: [value('x', [1, 2, 3])],
    outputs: [value('shape', undefined), value('twice', undefined), value('w', [3]), value('y', [1, 2, 3])],
    initializers: [floats('w', [3], Float32Array.of(1, 2, 3))],
    nodes: [
      onnxNode('Shape', ['x'], ['shape']),
      onnxNode('Add', ['w', 'w'], ['twice']),
      onnxNode('Mul', ['x', 'w'], ['y']),
    ],
  })
  const found = await Promise.all(
    [...model.constantOutputs!].map(async ([name, constant]) => [
      name,
      [...toFloat32(constant.dataType, await constant.read())],
    ]),
  )
  expect(Object.fromEntries(found)).toEqual({ shape: [1, 2, 3], twice: [2, 4, 6], w: [1, 2, 3] })
  expect(model.graph.outputs.map((id) => model.graph.tensors[id]!.name)).toEqual(['y'])
})

const sizeFromData: Readonly<Record<string, FileParts['nodes']>> = {
  Slice: [onnxNode('Slice', ['r', 'zero', 'count', 'axis'], ['v'])],
  Range: [
    cast('zero', 'from', INT64),
    onnxNode('Squeeze', ['zero'], ['begin']),
    onnxNode('Squeeze', ['count'], ['end']),
    onnxNode('Range', ['begin', 'end', 'one'], ['range']),
    cast('range', 'v', FLOAT),
  ],
  Tile: [
    onnxNode('Concat', ['count', 'count'], ['times'], { axis: { int: 0 } }),
    onnxNode('Tile', ['r', 'times'], ['v']),
  ],
  Expand: [
    onnxNode('Concat', ['count', 'four'], ['to'], { axis: { int: 0 } }),
    onnxNode('Expand', ['r', 'to'], ['v']),
  ],
  ConstantOfShape: [onnxNode('ConstantOfShape', ['count'], ['v'])],
  TopK: [onnxNode('TopK', ['r', 'count'], ['v', 'places'])],
  Pad: [
    onnxNode('Concat', ['zero', 'zero', 'zero', 'count'], ['margins'], { axis: { int: 0 } }),
    onnxNode('Pad', ['r', 'margins'], ['v']),
  ],
  OneHot: [onnxNode('Squeeze', ['count'], ['depth']), onnxNode('OneHot', ['zero', 'depth', 'ends'], ['v'])],
}

test.each(Object.entries(sizeFromData))(
  '%s whose size is computed from data is not cut behind',
  async (_, nodes) => {
    const { layers, model } = await loadAndCompare(
      {
        inputs: [value('x', [1, 4])],
        outputs: [value('y', undefined)],
        initializers: [
          integers('zero', [0]),
          integers('axis', [1]),
          integers('four', [4]),
          create(TensorProtoSchema, { name: 'one', dataType: INT64, int64Data: [1n] }),
          floats('ends', [2], Float32Array.of(0, 1)),
        ],
        nodes: [
          onnxNode('Relu', ['x'], ['r']),
          onnxNode('ReduceSum', ['r', 'axis'], ['total'], { keepdims: { int: 0 } }),
          onnxNode('Ceil', ['total'], ['up']),
          cast('up', 'count', INT64),
          ...nodes,
          onnxNode('Exp', ['v'], ['e']),
          onnxNode('ReduceSum', ['e'], ['y'], { keepdims: { int: 1 } }),
        ],
      },
      0.7,
    )
    expect(layers).toContain('count')
    expect(layers).not.toContain('e')
    expect(model.graph.tensors.map(({ name }) => name)).not.toContain('v')
  },
)

function branch(nodes: FileParts['nodes'], output: string) {
  return onnxGraph({ nodes, inputs: [], outputs: [value(output, undefined)] })
}

function choose(condition: string, graphs: Record<string, ReturnType<typeof branch>>) {
  const node = onnxNode('If', [condition], ['chosen'])
  for (const [name, g] of Object.entries(graphs))
    node.attribute.push(create(AttributeProtoSchema, { name, type: Kind.GRAPH, g }))
  return node
}

test('an If whose branches differ in size is cut before it, one with equal branches behind it too', async () => {
  const file = (then: FileParts['nodes'], otherwise: FileParts['nodes']): FileParts => ({
    inputs: [value('x', [1, 4])],
    outputs: [value('y', undefined)],
    initializers: [floats('zero', [], Float32Array.of(0))],
    nodes: [
      onnxNode('Tanh', ['x'], ['r']),
      onnxNode('ReduceSum', ['r'], ['total'], { keepdims: { int: 0 } }),
      onnxNode('Greater', ['total', 'zero'], ['positive']),
      choose('positive', { then_branch: branch(then, 'a'), else_branch: branch(otherwise, 'b') }),
      onnxNode('Neg', ['chosen'], ['y']),
    ],
  })
  const other = await loadAndCompare(
    file([onnxNode('Concat', ['r', 'r'], ['a'], { axis: { int: 1 } })], [onnxNode('Exp', ['r'], ['b'])]),
  )
  expect(other.layers).toEqual(['x', 'r', 'total', 'positive', 'chosen'])
  const same = await loadAndCompare(file([onnxNode('Exp', ['r'], ['a'])], [onnxNode('Neg', ['r'], ['b'])]))
  expect(same.layers).toEqual(['x', 'r', 'total', 'positive', 'chosen', 'y'])
})

test('whole numbers of 64 bits, doubles and truth values cross exactly', async () => {
  const large = create(TensorProtoSchema, {
    name: 'large',
    dims: [4n],
    dataType: INT64,
    int64Data: [9_223_372_036_854_775_807n, -9_223_372_036_854_775_808n, 16_777_217n, -1_099_511_627_777n],
  })
  const fine = create(TensorProtoSchema, {
    name: 'fine',
    dims: [1n, 4n],
    dataType: DOUBLE,
    doubleData: [1 / 3, 1e-9, 123_456_789.123, -1e30],
  })
  const { model } = await loadAndCompare({
    inputs: [value('x', [1, 4])],
    outputs: [value('equal', [1, 4]), value('low', [4]), value('y', [1, 4])],
    initializers: [large, fine, integers('two', [2, 2, 2, 2]), integers('flat', [4])],
    nodes: [
      onnxNode('Greater', ['x', 'x'], ['never']),
      cast('never', 'zeros', INT64),
      onnxNode('Reshape', ['zeros', 'flat'], ['flat_zeros']),
      onnxNode('Add', ['flat_zeros', 'large'], ['wide']),
      cast('flat_zeros', 'short', INT32),
      cast('short', 'short_again', INT64),
      onnxNode('Add', ['wide', 'short_again'], ['same']),
      onnxNode('Equal', ['same', 'large'], ['hit']),
      cast('hit', 'hits', FLOAT),
      onnxNode('Identity', ['hits'], ['equal']),
      onnxNode('Mod', ['wide', 'two'], ['odd']),
      cast('odd', 'low', FLOAT),
      cast('x', 'precise', DOUBLE),
      onnxNode('Add', ['precise', 'fine'], ['sum']),
      onnxNode('Sub', ['sum', 'fine'], ['back']),
      cast('back', 'y', FLOAT),
    ],
  })
  const digits = new Map(model.graph.tensors.map(({ name, stored }) => [name, stored?.digits]))
  expect([digits.get('wide'), digits.get('short'), digits.get('never'), digits.get('sum')]).toEqual([
    3, 2, 1, 3,
  ])
})

test('names that mean something elsewhere are names like others', async () => {
  const names = ['__proto__', 'constructor', 'a/b:0', 'été 🦊', 'toString']
  const { layers } = await loadAndCompare({
    inputs: [value('__proto__x', [1, 3])],
    outputs: [value('hasOwnProperty', [1, 3])],
    nodes: [...names, 'hasOwnProperty'].map((name, i) =>
      onnxNode(i % 2 === 0 ? 'Exp' : 'Neg', [names[i - 1] ?? '__proto__x'], [name]),
    ),
  })
  expect(layers).toEqual(['__proto__x', ...names, 'hasOwnProperty'])
  const { path } = await onnxFile(
    onnxBytes({
      inputs: [value('__proto__', ['n', 3])],
      outputs: [value('y', undefined)],
      nodes: [onnxNode('Exp', ['__proto__'], ['e']), onnxNode('Neg', ['e'], ['y'])],
    }),
  )
  const { graph } = await loadModel(path, { inputShapes: Object.fromEntries([['__proto__', [1, 3]]]) })
  expect(graph.tensors[0]!.shape).toEqual([3])
})

test('a ZipMap and outputs that are texts give class names', async () => {
  const text = new TextEncoder()
  const labels = ['ant', 'bee', 'cat'].map((name) => text.encode(name))
  const zip = onnxNode('ZipMap', ['scores'], ['prob'])
  zip.domain = 'ai.onnx.ml'
  zip.attribute.push(
    create(AttributeProtoSchema, { name: 'classlabels_strings', type: Kind.STRINGS, strings: labels }),
  )
  const pick = onnxNode('ArrayFeatureExtractor', ['classes', 'place'], ['label'])
  pick.domain = 'ai.onnx.ml'
  const classes = create(TensorProtoSchema, {
    name: 'classes',
    dims: [3n],
    dataType: TensorProto_DataType.STRING,
    stringData: labels,
  })
  const { model } = await loadAndCompare({
    inputs: [value('x', [1, 4])],
    outputs: [value('label', [1], TensorProto_DataType.STRING), value('prob', undefined)],
    initializers: [classes, weights('w', [4, 3])],
    nodes: [
      onnxNode('MatMul', ['x', 'w'], ['raw']),
      onnxNode('Softmax', ['raw'], ['scores']),
      onnxNode('ArgMax', ['scores'], ['place']),
      pick,
      zip,
    ],
  })
  expect(model.classNames).toEqual(['ant', 'bee', 'cat'])
  expect(model.graph.outputs.map((id) => model.graph.tensors[id]!.name)).toEqual(['scores'])
})

test('minus infinity goes through every wound', async () => {
  const { path } = await onnxFile(
    onnxBytes({
      inputs: [value('x', [1, 4])],
      outputs: [value('y', [1, 4])],
      initializers: [floats('zero', [], Float32Array.of(0)), floats('off', [], Float32Array.of(-Infinity))],
      nodes: [
        onnxNode('Less', ['x', 'zero'], ['hidden']),
        onnxNode('Where', ['hidden', 'off', 'x'], ['masked']),
        onnxNode('Softmax', ['masked'], ['y']),
      ],
    }),
  )
  const model = await loadModel(path)
  const inputs = someInputs(model.graph, 1)
  const [whole] = await runWhole(model, inputs)
  expect(model.graph.tensors.map(({ stored }) => stored?.elementType)).toContain(BOOL)
  for (const wound of everyWound(model.graph)) expect((await runCut(model, wound, inputs))[0]).toEqual(whole)
})
