import { readFileSync } from 'node:fs'
import { copyFile, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { decodeImage } from '../../src/codec/image-input.ts'
import { onnxruntimeEngine } from '../../src/executor/onnxruntime-engine.ts'
import { randomInputs } from '../../src/executor/random-inputs.ts'
import { wholeModel } from '../../src/model-graph/cut.ts'
import { findModel } from '../../src/model-graph/find-model.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { requirePicture } from '../../src/model-graph/manifest.ts'
import type { Model } from '../../src/model-graph/model.ts'
import { modelSize } from '../../src/model-graph/model-size.ts'
import { elementCount } from '../../src/tensor/element-count.ts'
import { bestClasses } from '../best-classes.ts'
import { repositoryRoot } from '../paths.ts'
import { noSharedData, sharedData } from '../shared-data.ts'

const bundled = fileURLToPath(new URL('models/mobilenetv2', repositoryRoot))

test('findModel prefers a path, then what is bundled, then the zoo', async () => {
  expect(await findModel('mobilenetv2')).toMatchObject({ kind: 'layers' })
  expect(await findModel('MobileNetV2')).toMatchObject({ kind: 'layers' })
  expect(await findModel('zoo:mobilenetv2')).toMatchObject({ kind: 'zoo', model: { name: 'mobilenetv2' } })
  expect(await findModel('ResNet-50')).toMatchObject({ kind: 'zoo', model: { name: 'resnet50' } })
  expect(await findModel(bundled)).toMatchObject({ kind: 'layers', directory: bundled })
  expect(await findModel(join(bundled, 'model.json'))).toMatchObject({ kind: 'layers', directory: bundled })
  await expect(findModel('alexnet')).rejects.toThrow(/Cannot load model alexnet: it must be .*nasnetlarge/)

  const directory = await mkdtemp(join(tmpdir(), 'surgeon-find-'))
  await expect(findModel(directory)).rejects.toThrow(/Cannot load model/)
  const path = join(directory, 'a.onnx')
  await writeFile(path, '')
  expect(await findModel(directory)).toEqual({ kind: 'onnx', path, directory })
  await writeFile(join(directory, 'b.onnx'), '')
  await expect(findModel(directory)).rejects.toThrow(
    /must hold one \.onnx file, current ones are a\.onnx, b\.onnx/,
  )
})

test('loadModel gives the zoo seeded weights, whose hash covers topology and seed', async () => {
  const [first, same, other, network] = await Promise.all([
    loadModel('mobilenet'),
    loadModel('mobilenet', { seed: 1 }),
    loadModel('mobilenet', { seed: 2 }),
    loadModel('mobilenet-keras22'),
  ])
  expect(same.hash).toBe(first.hash)
  expect(new Set([first.hash, other.hash, network.hash]).size).toBe(3)
  expect(await same.weights.read('conv1/kernel')).toEqual(await first.weights.read('conv1/kernel'))
  expect(await other.weights.read('conv1/kernel')).not.toEqual(await first.weights.read('conv1/kernel'))
  await expect(loadModel('mobilenet', { seed: -1 })).rejects.toThrow(/seed must be a whole number/)
  await expect(loadModel(bundled, { seed: 1 })).rejects.toThrow(/with seed: it must be of the zoo/)
  await expect(loadModel('mobilenet', { inputShapes: {} })).rejects.toThrow(
    /with inputShapes: it must be an ONNX file/,
  )
})

test('modelSize counts 4 bytes for every parameter and every value', async () => {
  const { graph } = await loadModel('zoo:mobilenetv2')
  const values = graph.tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0)
  expect(modelSize(graph)).toEqual({
    layers: 156,
    parameters: 3_538_984,
    trainableParameters: 3_504_872,
    memoryBytes: 4 * (3_538_984 + values),
  })
})

async function answers(model: Model, pictures: number): Promise<Float32Array[]> {
  const whole = await onnxruntimeEngine().compile(model, wholeModel(model.graph), { threads: 1 })
  const outputs: Float32Array[] = []
  for (let seed = 0; seed < pictures; seed += 1)
    outputs.push((await whole.run(randomInputs(model, seed)))[0]!.data)
  await whole.release()
  return outputs
}

test.each(['mobilenet', 'zoo:mobilenetv2', 'nasnetmobile'])(
  '%s with seeded weights answers pictures differently and is not saturated',
  async (name) => {
    const outputs = await answers(await loadModel(name), 3)
    for (const [i, probabilities] of outputs.entries()) {
      expect(Math.max(...probabilities)).toBeLessThan(0.9)
      expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 4)
      const next = outputs[(i + 1) % outputs.length]!
      expect(probabilities.reduce((sum, p, j) => sum + Math.abs(p - next[j]!), 0)).toBeGreaterThan(0.02)
    }
  },
)

test('weights of a folder are matched by name, and must fit', async () => {
  const model = await loadModel('zoo:mobilenetv2', { weights: bundled })
  const reference = await loadModel(bundled)
  const name = 'block_6_project/kernel'
  expect(await model.weights.read(name)).toEqual(await reference.weights.read(name))
  expect(model.hash).not.toBe((await loadModel('zoo:mobilenetv2')).hash)
  await expect(loadModel('mobilenet', { weights: bundled })).rejects.toThrow(
    /weightsManifest must hold weight|shape of weight/,
  )
  await expect(loadModel('mobilenet', { weights: bundled, seed: 1 })).rejects.toThrow(/together/)
})

test('a Keras topology file loads with seeded or given weights', async () => {
  const { modelTopology } = JSON.parse(readFileSync(join(bundled, 'model.json'), 'utf8')) as {
    modelTopology: unknown
  }
  const directory = await mkdtemp(join(tmpdir(), 'surgeon-topology-'))
  const path = join(directory, 'anything.json')
  await writeFile(path, JSON.stringify(modelTopology))
  await copyFile(join(bundled, 'surgeon.json'), join(directory, 'surgeon.json'))
  const seeded = await loadModel(path, { seed: 3 })
  const given = await loadModel(path, { weights: bundled })
  expect(seeded.graph.layers.length).toBe(given.graph.layers.length)
  expect(seeded.hash).not.toBe(given.hash)
})

const resnet = 'models/resnet50_keras_imagenet'
const photos = sharedData('images/imagenet-val')

test("ResNet50 of the zoo with Keras 2.2's weights is right on photos", async (context) => {
  const weights = sharedData(resnet)
  if (weights === undefined || photos === undefined) return context.skip(noSharedData)
  const model = await loadModel('resnet50-keras22', { weights })
  const whole = await onnxruntimeEngine().compile(model, wholeModel(model.graph), { threads: 2 })
  const lines = readFileSync(`${photos}/labels.tsv`, 'utf8').trim().split('\n').slice(0, 40)
  let right = 0
  for (const [name, label] of lines.map((line) => line.split('\t') as [string, string])) {
    const input = await decodeImage(readFileSync(`${photos}/${name}`), requirePicture(model.manifest))
    const [output] = await whole.run([input])
    if (bestClasses(output!, model.manifest, [])[0]!.index === Number(label)) right += 1
  }
  await whole.release()
  expect(right).toBeGreaterThanOrEqual(30)
  // Today's names read the same values.
  const today = await loadModel('resnet50', { weights })
  expect(await today.weights.read('conv3_block2_3_conv/kernel')).toEqual(
    await model.weights.read('res3b_branch2c/kernel'),
  )
})
