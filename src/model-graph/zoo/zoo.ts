import type { Manifest, PictureInput } from '../manifest.ts'
import { buildInceptionResNetV2 } from './inception-resnet-v2.ts'
import { buildInceptionV3 } from './inception-v3.ts'
import { buildMobileNet, buildMobileNetKeras22 } from './mobilenet.ts'
import { buildMobileNetV2 } from './mobilenet-v2.ts'
import { buildNasNetLarge, buildNasNetMobile } from './nasnet.ts'
import { buildResNet50, buildResNet50Keras22 } from './resnet50.ts'
import type { BuiltTopology } from './topology-builder.ts'
import { buildVgg19 } from './vgg19.ts'

export interface ZooModel {
  /** Key in the zoo: lower case. */
  readonly name: string
  /** As people write it. */
  readonly title: string
  /** Topology with shapes and weight specifications; no weights. */
  readonly build: () => BuiltTopology
  /** Published single-crop accuracy on the ImageNet validation set, per cent. Of the published weights only. */
  readonly top1: number
  readonly top5: number
  readonly accuracySource: string
  /** Preprocessing the published weights expect; no labels, as seeded weights know no classes. */
  readonly manifest: Manifest
}

const accuracySource = 'https://keras.io/api/applications/'

type Preprocessing = Pick<PictureInput, 'channels' | 'mean' | 'scale'>

/** Caffe's: blue first, mean subtracted, not scaled. */
const caffe: Preprocessing = { channels: 'bgr', mean: [103.939, 116.779, 123.68], scale: [1, 1, 1] }
/** -1 to 1. */
const symmetric: Preprocessing = {
  channels: 'rgb',
  mean: [127.5, 127.5, 127.5],
  scale: [127.5, 127.5, 127.5],
}

function model(
  title: string,
  build: () => BuiltTopology,
  [top1, top5]: readonly [number, number],
  size: number,
  preprocessing: Preprocessing,
  name = title.toLowerCase(),
): ZooModel {
  const input = { width: size, height: size, ...preprocessing }
  const manifest: Manifest = { name, input, output: { kind: 'softmax', topK: 5 } }
  return { name, title, build, top1, top5, accuracySource, manifest }
}

/** The talk's models, largest first; those of Keras 2.2 have the talk's layer names and counts. */
export const zooModels: readonly ZooModel[] = [
  model('VGG19', buildVgg19, [71.3, 90], 224, caffe),
  model('NASNetLarge', buildNasNetLarge, [82.5, 96], 331, symmetric),
  model('InceptionResNetV2', buildInceptionResNetV2, [80.3, 95.3], 299, symmetric),
  model('ResNet50', buildResNet50, [74.9, 92.1], 224, caffe),
  model('ResNet50 (Keras 2.2)', buildResNet50Keras22, [74.9, 92.1], 224, caffe, 'resnet50-keras22'),
  model('InceptionV3', buildInceptionV3, [77.9, 93.7], 299, symmetric),
  model('NASNetMobile', buildNasNetMobile, [74.4, 91.9], 224, symmetric),
  model('MobileNet', buildMobileNet, [70.4, 89.5], 224, symmetric),
  model('MobileNet (Keras 2.2)', buildMobileNetKeras22, [70.4, 89.5], 224, symmetric, 'mobilenet-keras22'),
  model('MobileNetV2', buildMobileNetV2, [71.3, 90.1], 224, symmetric),
]

const aliases: ReadonlyMap<string, string> = new Map([
  ['mobilenetv1', 'mobilenet'],
  ['resnet50v1', 'resnet50'],
  ['inceptionresnet', 'inceptionresnetv2'],
  ['nasnet', 'nasnetlarge'],
])

/**
 * Finds a model whatever the case, hyphens, underscores and spaces of its name (`ResNet50`, `mobilenet_v2`).
 * @throws {RangeError} naming the known ones where there is none.
 */
export function zooModel(name: string): ZooModel {
  const key = squash(name)
  const wanted = aliases.get(key) ?? key
  const found = zooModels.find((candidate) => squash(candidate.name) === wanted)
  if (found !== undefined) return found
  const known = zooModels.map((candidate) => candidate.name).join(', ')
  throw new RangeError(`Cannot find zoo model: name must be one of ${known}, current value is ${name}`)
}

function squash(name: string): string {
  return name.toLowerCase().replaceAll(/[-_\s]/g, '')
}
