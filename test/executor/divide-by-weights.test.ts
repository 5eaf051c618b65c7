import { expect, test } from 'vitest'
import {
  divideByColumns,
  divideBySoftmax,
  divideByWeights,
} from '../../src/executor/xnnpack/divide-by-weights.ts'
import { wholeModel } from '../../src/model-graph/cut.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { elementCount } from '../../src/tensor/element-count.ts'
import { input, kerasTopology, sketchModel } from '../keras-model.ts'

const { graph } = await loadModel('zoo:resnet50')
const inputs = new Set(graph.inputs.map((tensor) => graph.tensors[tensor]!.producer))
const whole = wholeModel(graph)
const segment = { ...whole, layers: whole.layers.filter((index) => !inputs.has(index)) }

function megabytes(layers: readonly number[]): number {
  const weights = layers.flatMap((index) => graph.layers[index]!.weights)
  return weights.reduce((sum, { shape }) => sum + (4 * elementCount(shape)) / 2 ** 20, 0)
}

test.each([16, 50])('divideByWeights gives consecutive parts of at most %i MiB', (limit) => {
  const parts = divideByWeights(graph, segment, limit * 2 ** 20)
  expect(parts.flatMap(({ layers }) => layers)).toEqual(segment.layers)
  expect(parts.length).toBeGreaterThan(megabytes(segment.layers) / limit)
  for (const { layers } of parts) {
    expect(megabytes(layers)).toBeLessThanOrEqual(limit)
  }
})

test('divideByWeights gives each part what it reads and takes from it what others read, and fuses across none', () => {
  const parts = divideByWeights(graph, segment, 2 ** 20)
  const made = new Set(segment.inputs)
  for (const { layers, inputs: given, outputs } of parts) {
    const own = new Set(layers)
    for (const tensor of given) expect(made).toContain(tensor)
    for (const index of layers) {
      const { type, inputs: read } = graph.layers[index]!
      for (const tensor of read) {
        const isOwn = own.has(graph.tensors[tensor]!.producer)
        const mayCome = type !== 'BatchNormalization' && given.includes(tensor)
        expect(isOwn || mayCome).toBe(true)
      }
    }
    for (const tensor of outputs) made.add(tensor)
  }
  for (const tensor of segment.outputs) expect(made).toContain(tensor)
})

test('divideByWeights leaves whole what is small enough', () => {
  expect(divideByWeights(graph, segment, 2 ** 30)).toEqual([segment])
})

test('divideByColumns gives the columns of a large matrix in order, each within the limit, and leaves the rest whole', async () => {
  const vgg = (await loadModel('zoo:vgg19')).graph
  const part = (name: string) => {
    const { index, inputs, outputs } = vgg.layers.find((layer) => layer.name === name)!
    return { layers: [index], inputs, outputs }
  }
  const parts = divideByColumns(vgg, part('fc1'), 128 * 2 ** 20)
  expect(parts.map(({ columns }) => [columns!.begin, columns!.end])).toEqual([
    [0, 1280],
    [1280, 2560],
    [2560, 3840],
    [3840, 4096],
  ])
  for (const each of parts) expect(each).toMatchObject(part('fc1'))
  // What is divided least has 64 columns.
  expect(divideByColumns(vgg, part('fc2'), 1).length).toBe(4096 / 64)
  for (const name of ['predictions', 'block5_conv4'])
    expect(divideByColumns(vgg, part(name), 1)).toEqual([part(name)])
})

test('divideBySoftmax leaves all but what ends in probabilities to the precision asked for', () => {
  const sketch = sketchModel(
    kerasTopology([
      input(4, 4, 3),
      ['c', 'Conv2D', { filters: 3, kernel_size: 1 }, 'in'],
      ['f', 'Flatten', {}, 'c'],
      ['d', 'Dense', { units: 5, activation: 'softmax' }, 'f'],
      ['r', 'Reshape', { target_shape: [1, 5] }, 'd'],
    ]),
  )
  const own = sketch.graph
  const named = (name: string) => own.layers.findIndex((layer) => layer.name === name)
  const layers = ['c', 'f', 'd', 'r'].map(named)
  const [given, ...made] = ['in', 'c', 'f', 'd', 'r'].map((name) => own.layers[named(name)]!.outputs[0]!)
  const segment = { layers, inputs: [given!], outputs: [made[3]!] }
  expect(divideBySoftmax(own, segment)).toEqual([
    { layers: layers.slice(0, 2), inputs: [given], outputs: [made[1]] },
    { layers: [layers[2]], inputs: [made[1]], outputs: [made[2]], precision: 'float32' },
    { layers: [layers[3]], inputs: [made[2]], outputs: [made[3]] },
  ])
  const head = { layers: layers.slice(0, 2), inputs: [given!], outputs: [made[1]!] }
  expect(divideBySoftmax(own, head)).toEqual([head])
})
