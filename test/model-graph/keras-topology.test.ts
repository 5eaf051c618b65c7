import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { graphFromKeras } from '../../src/model-graph/keras-topology.ts'
import { input, kerasTopology, type LayerSketch, parameterCount } from '../keras-model.ts'
import { noSharedData, sharedData } from '../shared-data.ts'

const relu = { activation: 'relu' }

// Parameters as Keras publishes them, layers as counted in the files Keras wrote.
const published = [
  ['VGG19', 143_667_240, 26],
  ['ResNet50', 25_636_712, 177],
  ['InceptionResNetV2', 55_873_736, 782],
  ['NASNetLarge', 88_949_818, 1041],
  ['NASNetMobile', 5_326_716, 771],
  ['MobileNetV2', 3_538_984, 156],
  ['MobileNet', 4_253_864, 91],
  ['InceptionV3', 23_851_784, 313],
] as const

const folder = sharedData('topology')

test.for(published)(
  'graphFromKeras gives %s its published parameters, and the shapes its file states',
  ([name, parameters, layers], { skip }) => {
    if (folder === undefined) return skip(noSharedData)
    const graph = graphFromKeras(JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8')))
    expect(parameterCount(graph)).toBe(parameters)
    expect(graph.layers.length).toBe(layers)
    expect(graph.outputs.map((id) => graph.tensors[id]!.shape)).toEqual([[1000]])
    const stated = graph.layers.flatMap(({ name, type, definition }) => {
      const config = definition.source === 'keras' ? definition.config : {}
      const shape = type === 'Lambda' ? config['output_shape'] : config['target_shape']
      return shape === undefined ? [] : [[name, shape]]
    })
    const computed = new Map(graph.tensors.map((tensor) => [tensor.name, tensor.shape]))
    expect(stated.map(([layer]) => [layer, computed.get(layer as string)])).toEqual(stated)
    expect(stated.length).toBe(
      new Map<string, number>([
        ['InceptionResNetV2', 40],
        ['MobileNet', 1],
      ]).get(name) ?? 0,
    )
  },
)

test("graphFromKeras gives SAME and VALID windows TensorFlow's output sizes and counts multiply-accumulates twice", () => {
  const window = { filters: 4, kernel_size: 3, strides: [2, 3], use_bias: false }
  const same = graphFromKeras(
    kerasTopology([input(8, 8, 3), ['c', 'Conv2D', { ...window, padding: 'same' }, 'in']]),
  )
  const valid = graphFromKeras(
    kerasTopology([input(8, 8, 3), ['c', 'Conv2D', { ...window, padding: 'valid' }, 'in']]),
  )
  expect(same.tensors[1]!.shape).toEqual([4, 3, 4])
  expect(valid.tensors[1]!.shape).toEqual([3, 2, 4])
  expect(valid.layers[1]!.operations).toBe(2 * 3 * 2 * 4 * 3 * 3 * 3)
  expect(valid.layers[1]!.weights).toEqual([{ name: 'c/kernel', shape: [3, 3, 3, 4], trainable: true }])
})

test('graphFromKeras reads a Sequential model with an implied input', () => {
  const layers = [
    { class_name: 'Dense', config: { name: 'a', units: 5, batch_input_shape: [null, 7] } },
    { class_name: 'Dense', config: { name: 'b', units: 2 } },
  ]
  const graph = graphFromKeras({ model_config: { class_name: 'Sequential', config: { name: 's', layers } } })
  expect(graph.layers.map(({ name }) => name)).toEqual(['a_input', 'a', 'b'])
  expect(parameterCount(graph)).toBe(7 * 5 + 5 + 5 * 2 + 2)
})

test('graphFromKeras reads what Keras 3 writes', () => {
  const tensor = (name: string): unknown => ({
    class_name: '__keras_tensor__',
    config: { keras_history: [name, 0, 0] },
  })
  const graph = graphFromKeras({
    class_name: 'Functional',
    config: {
      name: 'k3',
      layers: [
        { name: 'x', class_name: 'InputLayer', config: { batch_shape: [null, 4, 4, 2] }, inbound_nodes: [] },
        { name: 'r', class_name: 'ReLU', config: {}, inbound_nodes: [{ args: [tensor('x')], kwargs: {} }] },
        {
          name: 's',
          class_name: 'Add',
          config: {},
          inbound_nodes: [{ args: [[tensor('x'), tensor('r')]], kwargs: {} }],
        },
      ],
      input_layers: ['x', 0, 0],
      output_layers: ['s', 0, 0],
    },
  })
  expect(graph.layers[2]!.inputs).toEqual([0, 1])
  expect(graph.tensors[0]!.consumers).toEqual([1, 2])
})

test('graphFromKeras sorts a file whose order is not topological', () => {
  const graph = graphFromKeras(
    kerasTopology([['b', 'Activation', relu, 'a'], ['a', 'Activation', relu, 'in'], input(3)], ['b']),
  )
  expect(graph.layers.map(({ name }) => name)).toEqual(['in', 'a', 'b'])
})

const broken: [string, readonly LayerSketch[], RegExp][] = [
  [
    'an unknown class',
    [input(3), ['a', 'Capsule', {}, 'in']],
    /layer 'a' \(Capsule\) of f\.json: its class must be one of/,
  ],
  [
    'a cycle',
    [input(3), ['a', 'Add', {}, 'in', 'b'], ['b', 'Activation', relu, 'a']],
    /cycle is a reads b reads a/,
  ],
  [
    'a dangling read',
    [input(3), ['a', 'Activation', relu, 'gone']],
    /'a' reads 'gone', which does not exist/,
  ],
  [
    'a dead end',
    [input(3), ['a', 'Activation', relu, 'in'], ['b', 'Activation', relu, 'in']],
    /'a' does not/,
  ],
  [
    'a layer without source',
    [input(3), ['a', 'Activation', relu], ['b', 'Add', {}, 'a', 'in']],
    /'a' must read/,
  ],
  ['a repeated name', [input(3), ['in', 'Activation', relu, 'in']], /'in' occurs twice/],
  [
    'shapes that do not add',
    [input(3), ['a', 'Dense', { units: 2 }, 'in'], ['b', 'Add', {}, 'a', 'in']],
    /one shape/,
  ],
  [
    'a window larger than its map',
    [input(2, 2, 1), ['a', 'MaxPooling2D', { pool_size: 3 }, 'in']],
    /fit into its input/,
  ],
  [
    'code',
    [input(3), ['a', 'Lambda', { function: ['4wEAAAA', null, null] }, 'in']],
    /code in a model is never run/,
  ],
  [
    'channels first',
    [input(4, 4, 1), ['a', 'Flatten', { data_format: 'channels_first' }, 'in']],
    /channels_last/,
  ],
  ['an open shape', [['in', 'InputLayer', { batch_input_shape: [null, null, 3] }]], /must be known/],
]

test.each(broken)('graphFromKeras refuses %s', (_, layers, message) => {
  expect(() => graphFromKeras(kerasTopology(layers), { origin: 'f.json' })).toThrow(message)
})
