import type { Manifest, PictureInput } from './manifest.ts'

type Preprocessing = Pick<PictureInput, 'channels' | 'mean' | 'scale'>

const toUnitRange: Preprocessing = {
  channels: 'rgb',
  mean: [127.5, 127.5, 127.5],
  scale: [127.5, 127.5, 127.5],
}
const caffe: Preprocessing = { channels: 'bgr', mean: [103.939, 116.779, 123.68], scale: [1, 1, 1] }
const torch: Preprocessing = {
  channels: 'rgb',
  mean: [0.485 * 255, 0.456 * 255, 0.406 * 255],
  scale: [0.229 * 255, 0.224 * 255, 0.225 * 255],
}

const efficientNetLite: Preprocessing = { channels: 'rgb', mean: [127, 127, 127], scale: [128, 128, 128] }

/** How the published networks want their input, by the start of the topology's name (keras.applications; SqueezeNet: torchvision). */
const known: readonly (readonly [RegExp, Preprocessing])[] = [
  [/^resnet(50|101|152)$/i, caffe],
  [/^vgg(16|19)$/i, caffe],
  [/^mobilenet/i, toUnitRange],
  [/^inception/i, toUnitRange],
  [/^xception/i, toUnitRange],
  [/^nasnet/i, toUnitRange],
  [/^resnet(50|101|152)v2$/i, toUnitRange],
  [/^densenet/i, torch],
  [/^squeezenet/i, torch],
]

type Size = { readonly width: number; readonly height: number }

/** @returns How to use a model whose topology carries a published network's name, or undefined. */
export function knownManifest(name: string, size: Size): Manifest | undefined {
  const preprocessing = known.find(([pattern]) => pattern.test(name))?.[1]
  if (preprocessing === undefined) return undefined
  return { name, input: { ...size, ...preprocessing }, output: { kind: 'softmax', topK: 5 } }
}

/**
 * @returns How to use a published ONNX file, by the file's name, or undefined. Names of Keras's networks say nothing
 * here: other exporters use them for weights that want their input otherwise.
 */
export function knownOnnxManifest(name: string, size: Size): Manifest | undefined {
  // As its PyTorch package says.
  if (!/^efficientnet_lite/i.test(name)) return undefined
  return { name, input: { ...size, ...efficientNetLite }, output: { kind: 'logits', topK: 5 } }
}
