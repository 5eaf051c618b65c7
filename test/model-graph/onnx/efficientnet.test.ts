import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decodeImage } from '../../../src/codec/image-input.ts'
import { onnxruntimeEngine } from '../../../src/executor/onnxruntime-engine.ts'
import { wholeModel } from '../../../src/model-graph/cut.ts'
import { loadModel } from '../../../src/model-graph/load-model.ts'
import { requirePicture } from '../../../src/model-graph/manifest.ts'
import { singleWounds } from '../../../src/model-graph/single-wounds.ts'
import { bestClasses } from '../../best-classes.ts'
import { noSharedData, sharedData } from '../../shared-data.ts'
import { runCut, runWhole } from '../compare-cuts.ts'

const file = 'models/onnx/efficientnet_lite0_imagenet.onnx'
const path = sharedData(file)
const photos = sharedData('images/imagenet-val')

test('a file of another exporter cuts at every wound and is right on photos', async (context) => {
  if (path === undefined || photos === undefined) return context.skip(noSharedData)
  const model = await loadModel(path)
  expect(model.manifest.output.kind).toBe('logits')
  const lines = readFileSync(`${photos}/labels.tsv`, 'utf8').trim().split('\n').slice(0, 100)
  const labelled = lines.map((line) => line.split('\t') as [string, string])
  const inputOf = (name: string) =>
    decodeImage(readFileSync(`${photos}/${name}`), requirePicture(model.manifest))

  const whole = await onnxruntimeEngine().compile(model, wholeModel(model.graph), { threads: 2 })
  let right = 0
  for (const [name, label] of labelled) {
    const [logits] = await whole.run([await inputOf(name)])
    if (bestClasses(logits!, model.manifest, [])[0]!.index === Number(label)) right += 1
  }
  await whole.release()
  expect(right).toBeGreaterThanOrEqual(78)

  const input = [await inputOf(labelled[0]![0])]
  const probabilities = ([logits]: Awaited<ReturnType<typeof runWhole>>) =>
    bestClasses(logits!, { ...model.manifest, output: { kind: 'logits', topK: 100 } }, [])
  const expected = probabilities(await runWhole(model, input))
  const wounds = singleWounds(model.graph)
  expect(wounds.length).toBe(50)
  for (const wound of wounds) {
    const found = probabilities(await runCut(model, wound, input))
    for (const [place, { index, probability }] of found.slice(0, 10).entries()) {
      expect([wound.id, index]).toEqual([wound.id, expected[place]!.index])
      expect(Math.abs(probability - expected[place]!.probability)).toBeLessThan(1e-4)
    }
  }
})
