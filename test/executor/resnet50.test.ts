import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { wholeModel } from '../../src/model-graph/cut.ts'
import { loadLayersModel } from '../../src/model-graph/load-layers-model.ts'
import { argmax, photoInput } from '../model-input.ts'
import { noSharedData, sharedData } from '../shared-data.ts'

const photoCount = 20

test('a published ResNet50 without a manifest is right on most of 20 ImageNet validation photos', async ({
  skip,
}) => {
  const directory = sharedData('models/resnet50_keras_imagenet')
  const photos = sharedData('images/imagenet-val')
  if (directory === undefined || photos === undefined) return skip(noSharedData)

  const model = await loadLayersModel(directory)
  expect(model.manifest.input).toMatchObject({ channels: 'bgr' })
  const engine = await loadEngine('onnxruntime')
  const whole = await engine.compile(model, wholeModel(model.graph), { threads: 2 })
  const labelled = readFileSync(`${photos}/labels.tsv`, 'utf8')
    .split('\n')
    .map((line) => line.split('\t'))
    .filter(([file, label]) => file !== undefined && /^\d+$/.test(label ?? ''))
    .slice(0, photoCount)
  let right = 0
  for (const [file, label] of labelled) {
    const [probabilities] = await whole.run([await photoInput(`${photos}/${file}`, model.manifest)])
    if (argmax(probabilities!.data) === Number(label)) right += 1
  }
  await whole.release()
  // 82.8 % of all 325 photos are; a wrong channel order or mean costs far more than this margin.
  expect(right).toBeGreaterThanOrEqual(14)
})
