import { copyFile, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { AnswerReader } from '../../src/answer/answer-reader.ts'
import { readPixels } from '../../src/codec/image-input.ts'
import { pixelsToInput } from '../../src/codec/pixels-to-input.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { wholeModel } from '../../src/model-graph/cut.ts'
import { loadLabels, loadModel } from '../../src/model-graph/load-model.ts'
import { requirePicture } from '../../src/model-graph/manifest.ts'
import { noSharedData, sharedData } from '../shared-data.ts'

interface Expected {
  readonly width: number
  readonly height: number
  readonly boxes: readonly { label: string; score: number; box: readonly number[] }[]
}

/** Below, boxes may come and go with the resampling kernel. */
const certain = 0.4

test('YOLOX-nano finds in photos what an independent decoder finds', async ({ skip }) => {
  const file = sharedData('models/onnx/yolox_nano_coco.onnx')
  const path = sharedData('cases/detector-photos/expected.json')
  if (file === undefined || path === undefined) return skip(noSharedData)
  const folder = await mkdtemp(join(tmpdir(), 'surgeon-yolox-'))
  await copyFile(file, join(folder, 'yolox.onnx'))
  await copyFile(sharedData('models/coco_80_classes.json')!, join(folder, 'coco.json'))
  const manifest = {
    name: 'yolox',
    input: { width: 416, height: 416, channels: 'bgr', mean: 0, scale: 1, fit: 'contain', align: 'top-left' },
    output: { kind: 'boxes', layout: 'yolox', labels: 'coco.json' },
  }
  await writeFile(join(folder, 'surgeon.json'), JSON.stringify(manifest))
  const model = await loadModel(folder)
  const input = requirePicture(model.manifest)
  const reader = new AnswerReader(model, await loadLabels(folder, model))
  const engine = await loadEngine('onnxruntime')
  const whole = await engine.compile(model, wholeModel(model.graph), { threads: 1 })
  const photos = Object.entries(JSON.parse(await readFile(path, 'utf8')) as Record<string, Expected>)
  for (const [name, expected] of photos) {
    const { made, ...sent } = await readPixels(await readFile(sharedData(`images/photos/${name}`)!), input)
    const answer = reader.read(await whole.run([pixelsToInput(made, input)]), sent)
    const found = 'boxes' in answer ? [...answer.boxes] : []
    for (const { label, score, box } of expected.boxes.filter((each) => each.score >= certain)) {
      const sides = [expected.width, expected.height, expected.width, expected.height]
      const place = found.findIndex(
        (other) =>
          other.label === label &&
          Math.abs(other.score - score) <= 0.05 &&
          other.box.every((corner, i) => Math.abs(corner - box[i]!) <= 0.03 * sides[i]!),
      )
      expect({ name, label, box, isFound: place >= 0 }).toMatchObject({ isFound: true })
      found.splice(place, 1)
    }
    // What is sure was expected.
    expect(found.filter((other) => other.score >= certain + 0.05)).toEqual([])
  }
})
