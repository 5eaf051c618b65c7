import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Engine, TensorValue } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { cut, wholeModel } from '../../src/model-graph/cut.ts'
import { borderShape, type GraphTensor } from '../../src/model-graph/layer-graph.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import { woundFromHead } from '../../src/model-graph/wound-from-head.ts'
import { input, kerasTopology, type LayerSketch, randomTensor, sketchModel } from '../keras-model.ts'
import { maxAbsDiff } from '../model-input.ts'
import { type Feature, referenceLayer } from './reference-layers.ts'

let engine: Engine

beforeAll(async () => {
  engine = await loadEngine('onnxruntime')
})

/** Channels-last values in the order in which they travel. */
function toBorder({ shape, data }: Feature): TensorValue {
  if (shape.length < 2) return { shape: [1, ...shape], data: Float32Array.from(data) }
  const channels = shape.at(-1)!
  const places = data.length / channels
  const values = new Float32Array(data.length)
  for (const [i, value] of data.entries()) values[(i % channels) * places + Math.floor(i / channels)] = value
  return { shape: [1, channels, ...shape.slice(0, -1)], data: values }
}

/** Float32 sums of some hundred terms around 1, in another order. */
const tolerance = 2e-4

/**
 * Runs a sketch layer by layer in the reference and as one segment in the engine.
 * @returns The largest difference of the outputs; infinite where a shape differs.
 */
async function difference(sketch: readonly LayerSketch[], outputs?: string[]): Promise<number> {
  const model = sketchModel(kerasTopology(sketch, outputs))
  const { graph } = model
  const features: Feature[] = []
  for (const { index, name, type, inputs, definition } of graph.layers) {
    const config = definition.source === 'keras' ? definition.config : {}
    const read = (suffix: string): Float32Array | undefined => model.values.get(`${name}/${suffix}`)
    const { shape } = graph.tensors[index]!
    const feature =
      type === 'InputLayer'
        ? { shape, data: randomTensor(graph, index, 99) }
        : referenceLayer(
            type,
            config,
            inputs.map((id) => features[id]!),
            read,
          )
    if (feature.shape.join() !== shape.join()) return Number.POSITIVE_INFINITY
    features.push(feature)
  }
  const executable = await engine.compile(model, wholeModel(graph), { threads: 1 })
  const values = await executable.run(graph.inputs.map((id) => toBorder(features[id]!)))
  await executable.release()
  const differences = graph.outputs.map((id, position) => {
    const [wanted, value] = [toBorder(features[id]!), values[position]!]
    return value.shape.join() === wanted.shape.join()
      ? maxAbsDiff(value.data, wanted.data)
      : Number.POSITIVE_INFINITY
  })
  return Math.max(...differences)
}

const windowed = {
  strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  padding: fc.constantFrom('same', 'valid'),
}
const kernel = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }))
const mapSize = fc.tuple(fc.integer({ min: 4, max: 9 }), fc.integer({ min: 4, max: 9 }))

test('convolutions of every kind equal the plain reference, with and without bias, normalisation and activation', async () => {
  const layer = fc.record({
    ...windowed,
    kernel_size: kernel,
    use_bias: fc.boolean(),
    activation: fc.constantFrom('linear', 'relu', 'relu6', 'softmax', 'sigmoid'),
  })
  const kind = fc.constantFrom(
    ['Conv2D', { filters: 6 }],
    ['Conv2D', { filters: 4, groups: 2 }],
    ['DepthwiseConv2D', { depth_multiplier: 1 }],
    ['DepthwiseConv2D', { depth_multiplier: 3 }],
    ['SeparableConv2D', { filters: 5, depth_multiplier: 2 }],
    ['Conv2DTranspose', { filters: 3 }],
  ) as fc.Arbitrary<[string, Record<string, unknown>]>
  await fc.assert(
    fc.asyncProperty(
      mapSize,
      layer,
      kind,
      fc.boolean(),
      fc.boolean(),
      async ([h, w], config, [name, extra], normalised, scale) => {
        const sketch: LayerSketch[] = [input(h, w, 4), ['c', name, { ...config, ...extra }, 'in']]
        if (normalised) sketch.push(['n', 'BatchNormalization', { scale, epsilon: 0.01 }, 'c'])
        expect(await difference(sketch)).toBeLessThan(tolerance)
      },
    ),
    { numRuns: 120 },
  )
})

test('dilated convolutions equal the plain reference', async () => {
  for (const padding of ['same', 'valid']) {
    const config = { filters: 2, kernel_size: [3, 2], dilation_rate: [2, 3], padding }
    expect(await difference([input(9, 8, 3), ['c', 'Conv2D', config, 'in']])).toBeLessThan(tolerance)
  }
})

test('pooling equals the plain reference: padding never counts', async () => {
  const layer = fc.record({ ...windowed, pool_size: kernel })
  const kind = fc.constantFrom('MaxPooling2D', 'AveragePooling2D')
  await fc.assert(
    fc.asyncProperty(mapSize, layer, kind, async ([h, w], config, name) => {
      expect(await difference([input(h, w, 2), ['p', name, config, 'in']])).toBeLessThan(tolerance)
    }),
    { numRuns: 60 },
  )
})

const map = input(4, 6, 3)
const single: readonly LayerSketch[] = [
  ...[
    'linear',
    'relu',
    'relu6',
    'sigmoid',
    'tanh',
    'swish',
    'hard_sigmoid',
    'elu',
    'selu',
    'softplus',
    'softsign',
    'exponential',
    'softmax',
  ].map((activation): LayerSketch => [activation, 'Activation', { activation }, 'in']),
  ['relu', 'ReLU', { max_value: null, negative_slope: 0, threshold: 0 }, 'in'],
  ['relu limited', 'ReLU', { max_value: 0.5 }, 'in'],
  ['relu leaky and limited', 'ReLU', { max_value: 0.5, negative_slope: 0.1 }, 'in'],
  ['leaky', 'LeakyReLU', { alpha: 0.2 }, 'in'],
  ['elu layer', 'ELU', { alpha: 0.7 }, 'in'],
  ['softmax layer', 'Softmax', {}, 'in'],
  ['rescaling', 'Rescaling', { scale: 2, offset: [1, 2, 3] }, 'in'],
  ['dropout', 'Dropout', { rate: 0.5 }, 'in'],
  ['normalisation alone', 'BatchNormalization', {}, 'in'],
  [
    'padding',
    'ZeroPadding2D',
    {
      padding: [
        [1, 2],
        [0, 3],
      ],
    },
    'in',
  ],
  [
    'cropping',
    'Cropping2D',
    {
      cropping: [
        [1, 0],
        [2, 1],
      ],
    },
    'in',
  ],
  ['upsampling', 'UpSampling2D', { size: [2, 3] }, 'in'],
  ['flatten', 'Flatten', {}, 'in'],
  ['reshape to a map', 'Reshape', { target_shape: [3, 4, 6] }, 'in'],
  ['reshape to rows', 'Reshape', { target_shape: [8, 9] }, 'in'],
  ['permute', 'Permute', { dims: [3, 1, 2] }, 'in'],
  ['permute back', 'Permute', { dims: [2, 3, 1] }, 'in'],
  ['dense over channels', 'Dense', { units: 5, activation: 'relu' }, 'in'],
  ...[true, false].flatMap((keepdims): LayerSketch[] => [
    [`global mean ${keepdims}`, 'GlobalAveragePooling2D', { keepdims }, 'in'],
    [`global max ${keepdims}`, 'GlobalMaxPooling2D', { keepdims }, 'in'],
  ]),
]

test.each(single.map((layer): [string, LayerSketch] => [layer[0], layer]))(
  '%s equals the plain reference',
  async (_, layer) => {
    expect(await difference([map, layer])).toBeLessThan(tolerance)
  },
)

describe('graphs', () => {
  test('merging layers equal the plain reference, stretched axes too', async () => {
    const conv = (name: string, filters: number): LayerSketch => [
      name,
      'Conv2D',
      { filters, kernel_size: 1 },
      'in',
    ]
    const merges: LayerSketch[] = ['Add', 'Multiply', 'Average', 'Maximum', 'Minimum'].map((kind) => [
      kind,
      kind,
      {},
      'a',
      'b',
      'in',
    ])
    merges.push(['Subtract', 'Subtract', {}, 'a', 'b'])
    merges.push([
      'scaled',
      'Lambda',
      { arguments: { scale: 0.17 }, function: ['never run', null, null] },
      'a',
      'b',
    ])
    merges.push(
      ['beside', 'Concatenate', { axis: 3 }, 'a', 'wide', 'b'],
      ['below', 'Concatenate', { axis: 1 }, 'a', 'b'],
    )
    merges.push(['right', 'Concatenate', { axis: -2 }, 'a', 'b'])
    merges.push(
      ['squeeze', 'GlobalAveragePooling2D', { keepdims: true }, 'a'],
      ['excite', 'Multiply', {}, 'b', 'squeeze'],
    )
    const outputs = merges.map(([name]) => name).filter((name) => name !== 'squeeze')
    expect(
      await difference([map, conv('a', 3), conv('b', 3), conv('wide', 5), ...merges], outputs),
    ).toBeLessThan(tolerance)
  })

  test("flattening before a dense layer keeps Keras's order, rows before columns before channels", async () => {
    const sketch: LayerSketch[] = [
      map,
      ['f', 'Flatten', {}, 'in'],
      ['d', 'Dense', { units: 7, activation: 'relu' }, 'f'],
      ['n', 'BatchNormalization', {}, 'd'],
      ['e', 'Dense', { units: 4, use_bias: false }, 'n'],
      ['m', 'BatchNormalization', { center: false }, 'e'],
      ['s', 'Activation', { activation: 'softmax' }, 'm'],
    ]
    expect(await difference(sketch)).toBeLessThan(tolerance)
  })

  test('a normalisation is not taken into a layer whose own values are wanted elsewhere', async () => {
    const conv: LayerSketch = ['c', 'Conv2D', { filters: 3, kernel_size: 1 }, 'in']
    const norm: LayerSketch = ['n', 'BatchNormalization', {}, 'c']
    expect(await difference([map, conv, norm, ['sum', 'Add', {}, 'c', 'n']])).toBeLessThan(tolerance)
    expect(await difference([map, conv, norm], ['c', 'n'])).toBeLessThan(tolerance)
  })

  test('head and tail equal the whole at every wound of a ring, the input crossing it too', async () => {
    const model = sketchModel(
      kerasTopology([
        map,
        ['c', 'Conv2D', { filters: 3, kernel_size: 3, padding: 'same' }, 'in'],
        ['n', 'BatchNormalization', {}, 'c'],
        ['r', 'ReLU', { max_value: 6 }, 'n'],
        ['sum', 'Add', {}, 'r', 'in'],
        ['f', 'Flatten', {}, 'sum'],
        ['d', 'Dense', { units: 4, activation: 'softmax' }, 'f'],
      ]),
    )
    const { graph } = model
    const photo = toBorder({ shape: [4, 6, 3], data: randomTensor(graph, 0, 5) })
    const run = async (
      segment: Parameters<Engine['compile']>[1],
      inputs: TensorValue[],
    ): Promise<TensorValue[]> => {
      const executable = await engine.compile(model, segment, { threads: 1 })
      return executable.run(inputs)
    }
    const [whole] = await run(wholeModel(graph), [photo])
    const wounds = [
      ...singleWounds(graph),
      ...[
        [0, 1],
        [0, 1, 2],
        [0, 1, 2, 3],
      ].map((head) => woundFromHead(graph, head)),
    ]
    expect(wounds.map(({ id }) => id)).toEqual(['input', 'sum', 'f', 'local', 'in+c', 'in+n', 'in+r'])
    const wrong: string[] = []
    for (const wound of wounds) {
      const { head, tail } = cut(graph, wound)
      const crossing = await run(head, [photo])
      const shapes = crossing.map(({ shape }) => shape.slice(1))
      expect(shapes).toEqual(head.outputs.map((id) => borderShape(graph.tensors[id] as GraphTensor)))
      const [answer] = wound.id === 'local' ? crossing : await run(tail, crossing)
      const difference = maxAbsDiff(answer!.data, whole!.data)
      if (!(difference < 1e-5)) wrong.push(`${wound.id}: ${difference}`)
    }
    expect(wrong).toEqual([])
  })
})
