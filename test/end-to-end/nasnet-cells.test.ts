import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cameraFrames } from '../../lab/demo/camera.ts'
import { runCalibration } from '../../src/calibration/run-calibration.ts'
import { saveCalibration } from '../../src/codec/calibration-file.ts'
import { decodeImage } from '../../src/codec/image-input.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { wholeModel } from '../../src/model-graph/cut.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { requirePicture } from '../../src/model-graph/manifest.ts'
import { zooModel } from '../../src/model-graph/zoo/zoo.ts'
import { bestClasses } from '../best-classes.ts'
import { startEmbedded } from '../brokers/embedded.ts'
import { askUntil } from './ask-until.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

/** Each cell of NASNet reads the two before it. */
const betweenCells = 'normal_concat_6+normal_concat_7'

describe('NASNetMobile cut between its cells', () => {
  let folder: string
  let source: string
  let running: EndToEnd
  let frames: Awaited<ReturnType<typeof cameraFrames>>

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'surgeon-nasnet-'))
    const images = join(folder, 'images')
    await mkdir(images)
    const { build, manifest } = zooModel('nasnetmobile')
    source = join(folder, 'nasnetmobile.json')
    await writeFile(source, JSON.stringify(build().topology))
    await writeFile(join(folder, 'surgeon.json'), JSON.stringify(manifest))
    frames = await cameraFrames(16)
    for (const [i, { bytes }] of frames.entries()) await writeFile(join(images, `${i}.jpg`), bytes)
    const { calibration } = await runCalibration({
      model: source,
      images,
      wounds: [betweenCells],
      directory: folder,
      codecs: { input: [], features: ['uint8'], levels: [] },
      progress: () => undefined,
    })
    await saveCalibration(join(folder, 'calibration.json'), calibration)
    running = await endToEnd(startEmbedded)
    const random = { model: source, weights: 'random' }
    await running.start('worker', { worker: 'pool', models: [random] })
    // So slow an edge that leaving the second half to the worker is worth the bytes; no picture is sent.
    await running.start('agent', {
      device: 'pi',
      model: random,
      inputCodecs: [],
      featureCodecs: ['uint8'],
      maxAccuracyLoss: 0.5,
      lab: { edgeSlowdown: 12 },
    })
    await running.message(stateTopic.worker('pool'), (text) => text.includes(betweenCells))
    await running.message(stateTopic.agent('pi'), (text) => text.includes('online'))
  })

  afterAll(async () => {
    await running.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('the planner chooses the two tensors, and the worker finishes with the answer of the whole', async () => {
    const model = await loadModel(source)
    const engine = await loadEngine('onnxruntime')
    const whole = await engine.compile(model, wholeModel(model.graph), { threads: 1 })
    for (const { bytes } of frames.slice(0, 3)) {
      const answer = await askUntil(
        () => running.ask('pi', bytes),
        ({ finishedAt, plan }) => finishedAt === 'worker' && plan.wound === betweenCells,
      )
      expect(answer.plan.codec).toBe('uint8')
      expect(answer.bytes).toBeGreaterThan(2 * 14 * 14 * 528)
      const [expected] = await whole.run([await decodeImage(bytes, requirePicture(model.manifest))])
      const [best] = bestClasses(expected!, model.manifest, [])
      expect(answer.top![0]!.label).toBe(best!.label)
      expect(answer.top![0]!.probability).toBeCloseTo(best!.probability, 2)
    }
    await whole.release()
  })
})
