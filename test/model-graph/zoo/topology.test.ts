import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { resNet50NameToday } from '../../../src/model-graph/zoo/resnet50-names.ts'
import { type BuiltTopology, type KerasTopology } from '../../../src/model-graph/zoo/topology-builder.ts'
import { zooModel, zooModels } from '../../../src/model-graph/zoo/zoo.ts'
import { elementCount } from '../../../src/tensor/element-count.ts'
import { noSharedData, sharedData } from '../../shared-data.ts'

/** Layers and parameters as Keras publishes them. */
const published = {
  vgg19: [26, 143_667_240],
  nasnetlarge: [1041, 88_949_818],
  inceptionresnetv2: [782, 55_873_736],
  resnet50: [177, 25_636_712],
  'resnet50-keras22': [177, 25_636_712],
  inceptionv3: [313, 23_851_784],
  nasnetmobile: [771, 5_326_716],
  mobilenet: [91, 4_253_864],
  'mobilenet-keras22': [93, 4_253_864],
  mobilenetv2: [156, 3_538_984],
} as const

/** Batch-norm statistics: the non-trainable line of Keras's summaries. */
const nonTrainable = {
  vgg19: 0,
  nasnetlarge: 196_668,
  inceptionresnetv2: 60_544,
  resnet50: 53_120,
  'resnet50-keras22': 53_120,
  inceptionv3: 34_432,
  nasnetmobile: 36_738,
  mobilenet: 21_888,
  'mobilenet-keras22': 21_888,
  mobilenetv2: 34_112,
} as const

const built = new Map(zooModels.map((model) => [model.name, model.build()]))

function parameters(model: BuiltTopology, trainable: boolean): number {
  return model.layers
    .flatMap((layer) => layer.weights)
    .filter((weight) => weight.trainable === trainable)
    .reduce((sum, weight) => sum + elementCount(weight.shape), 0)
}

test('zoo has the published layers and parameters', () => {
  expect([...built.keys()].toSorted()).toEqual(Object.keys(published).toSorted())
  for (const [name, [layers, total]] of Object.entries(published)) {
    const model = built.get(name)!
    const statistics = nonTrainable[name as keyof typeof nonTrainable]
    expect([name, model.layers.length, parameters(model, true), parameters(model, false)]).toEqual([
      name,
      layers,
      total - statistics,
      statistics,
    ])
    expect(model.layers.at(-1)!.shape).toEqual([1000])
  }
})

test('zooModel finds by any spelling and names the known otherwise', () => {
  expect(zooModel('ResNet50').name).toBe('resnet50')
  expect(zooModel('mobilenet_v2').name).toBe('mobilenetv2')
  expect(zooModel('MobileNet v1').name).toBe('mobilenet')
  expect(zooModel('ResNet50-Keras22').name).toBe('resnet50-keras22')
  expect(() => zooModel('alexnet')).toThrow(/must be one of vgg19, .*mobilenetv2, current value is alexnet/)
  expect(() => zooModel('constructor')).toThrow(RangeError)
})

/** Config keys that decide what a layer computes; compared wherever both sides have them. */
const computing = (
  'filters kernel_size strides padding dilation_rate groups use_bias activation epsilon momentum axis scale center ' +
  'pool_size units max_value negative_slope threshold rate target_shape cropping arguments depth_multiplier ' +
  'keepdims data_format output_shape batch_input_shape'
).split(' ')
/** Defaults our JSON may leave out are never among these: each must be present on both sides. */
const required: Readonly<Record<string, readonly string[]>> = {
  Conv2D: ['filters', 'kernel_size', 'strides', 'padding', 'dilation_rate', 'use_bias', 'activation'],
  DepthwiseConv2D: ['kernel_size', 'strides', 'padding', 'dilation_rate', 'use_bias', 'depth_multiplier'],
  SeparableConv2D: ['filters', 'kernel_size', 'strides', 'padding', 'use_bias', 'depth_multiplier'],
  BatchNormalization: ['epsilon', 'axis', 'scale', 'center'],
  MaxPooling2D: ['pool_size', 'strides', 'padding'],
  AveragePooling2D: ['pool_size', 'strides', 'padding'],
  ZeroPadding2D: ['padding'],
  Cropping2D: ['cropping'],
  Concatenate: ['axis'],
  Dense: ['units', 'use_bias', 'activation'],
  Activation: ['activation'],
  ReLU: ['max_value'],
  Lambda: ['arguments'],
  InputLayer: ['batch_input_shape'],
}

/**
 * Keras's files were written in sessions that had built other models, so automatic counters start elsewhere: our
 * name is shifted by one constant per stem (`conv2d`, `activation`, ...), taken from its first layer.
 */
function shiftedNames(ours: KerasTopology, theirs: KerasTopology): Map<string, string> {
  const automatic =
    /^(input|conv2d|batch_normalization|activation|max_pooling2d|average_pooling2d|add|concatenate|zero_padding2d|cropping2d|global_average_pooling2d)(?:_(\d+))?$/
  const offsets = new Map<string, number>()
  const names = new Map<string, string>()
  const first = new Map<string, number>()
  for (const layer of theirs.config.layers) {
    const [, stem, count] = automatic.exec(layer.name) ?? []
    if (stem !== undefined) first.set(stem, Math.min(first.get(stem) ?? Infinity, Number(count ?? 0)))
  }
  for (const layer of ours.config.layers) {
    const [, stem, count] = automatic.exec(layer.name) ?? []
    if (stem === undefined) {
      names.set(layer.name, layer.name)
      continue
    }
    const start = stem === 'input' ? 1 : 0
    if (!offsets.has(stem)) offsets.set(stem, (first.get(stem) ?? NaN) - start)
    const shifted = Number(count ?? 0) + offsets.get(stem)!
    names.set(layer.name, shifted === 0 ? stem : `${stem}_${shifted}`)
  }
  return names
}

const files = [
  'VGG19',
  'NASNetLarge',
  'InceptionResNetV2',
  'ResNet50',
  'InceptionV3',
  'NASNetMobile',
  'MobileNet',
  'MobileNetV2',
]

test.for(files)('%s is what Keras wrote', (title, context) => {
  const path = sharedData(`topology/${title}.json`)
  if (path === undefined) return context.skip(noSharedData)
  const theirs = JSON.parse(readFileSync(path, 'utf8')) as KerasTopology
  const { topology: ours } = built.get(title.toLowerCase())!
  const names = shiftedNames(ours, theirs)
  const rename = (name: string) => names.get(name) ?? `unknown ${name}`
  const edges = (topology: KerasTopology, name: (name: string) => string) =>
    topology.config.layers.map((layer) => [
      layer.class_name,
      name(layer.name),
      layer.inbound_nodes.map((node) => node.map(([input, call, output]) => [name(input), call, output])),
    ])
  expect(edges(ours, rename)).toEqual(edges(theirs, (name) => name))
  const ports = (list: KerasTopology['config']['input_layers']) =>
    list.map(([name, ...rest]) => [rename(name), ...rest])
  expect(ports(ours.config.input_layers)).toEqual(theirs.config.input_layers)
  expect(ports(ours.config.output_layers)).toEqual(theirs.config.output_layers)
  expect(ours.config.name).toBe(theirs.config.name)
  let compared = 0
  for (const [index, layer] of ours.config.layers.entries()) {
    const other = theirs.config.layers[index]!.config
    expect(Object.keys(layer.config)).toEqual(expect.arrayContaining([...(required[layer.class_name] ?? [])]))
    for (const key of computing) {
      if (!(key in layer.config) || !(key in other)) continue
      compared++
      expect([layer.name, key, layer.config[key]]).toEqual([layer.name, key, other[key]])
    }
    expect(layer.config['function']).toBeUndefined()
  }
  expect(compared).toBeGreaterThan(2 * ours.config.layers.length)
})

const resnet = 'models/resnet50_keras_imagenet/model.json'

interface LayersModelFile {
  readonly modelTopology: { readonly model_config: KerasTopology }
  readonly weightsManifest: readonly { readonly weights: readonly { name: string; shape: number[] }[] }[]
}

test("the Keras 2.2 ResNet50 is the published one, and its weights fit today's", (context) => {
  const path = sharedData(resnet)
  if (path === undefined) return context.skip(noSharedData)
  const file = JSON.parse(readFileSync(path, 'utf8')) as LayersModelFile
  const theirs = file.modelTopology.model_config.config.layers
  const old = built.get('resnet50-keras22')!.topology.config.layers
  expect(old.map((layer) => [layer.class_name, layer.name, layer.inbound_nodes])).toEqual(
    theirs.map((layer) => [layer.class_name, layer.name, layer.inbound_nodes]),
  )
  for (const [index, layer] of old.entries()) {
    for (const key of computing.filter((key) => key in layer.config && key in theirs[index]!.config)) {
      expect([layer.name, key, layer.config[key]]).toEqual([layer.name, key, theirs[index]!.config[key]])
    }
  }
  const real = file.weightsManifest.flatMap((group) => group.weights)
  const shapes = (weights: readonly { name: string; shape: readonly number[] }[]) =>
    weights.map(({ name, shape }) => `${name} ${shape.join('x')}`).toSorted()
  const weightsOf = (name: string) => built.get(name)!.layers.flatMap((layer) => layer.weights)
  expect(shapes(real)).toEqual(shapes(weightsOf('resnet50-keras22')))
  expect(shapes(real.map((weight) => ({ ...weight, name: resNet50NameToday(weight.name) })))).toEqual(
    shapes(weightsOf('resnet50')),
  )
})

test("resNet50NameToday maps the Keras 2.2 form onto today's without the files", () => {
  const names = (name: string) =>
    built.get(name)!.layers.flatMap((layer) => layer.weights.map((weight) => weight.name))
  expect(names('resnet50-keras22').map(resNet50NameToday).toSorted()).toEqual(names('resnet50').toSorted())
  expect(resNet50NameToday('res3b_branch2c/kernel')).toBe('conv3_block2_3_conv/kernel')
  expect(resNet50NameToday('bn5c_branch2a')).toBe('conv5_block3_1_bn')
  expect(() => resNet50NameToday('toString/kernel')).toThrow(TypeError)
  expect(() => resNet50NameToday('res6a_branch1/kernel')).toThrow(TypeError)
})
