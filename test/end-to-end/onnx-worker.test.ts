import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeImage } from '../../src/codec/image-input.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { runSegment } from '../../src/executor/parity.ts'
import { wholeModel } from '../../src/model-graph/cut.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { requirePicture } from '../../src/model-graph/manifest.ts'
import type { Announcement } from '../../src/transport/announcement.ts'
import { startEmbedded } from '../brokers/embedded.ts'
import { broken, classifier, detector, sensor, smallModel } from '../model-graph/onnx/small-models.ts'
import { bundledPhoto } from '../model-input.ts'
import { askUntil, byWorker } from './ask-until.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

describe('a worker with ONNX files of every kind', () => {
  let running: EndToEnd
  let folders: Record<'classifier' | 'detector' | 'sensor' | 'broken', string>
  let announced: Announcement

  beforeAll(async () => {
    folders = {
      classifier: await smallModel('classifier', classifier),
      detector: await smallModel('detector', detector),
      sensor: await smallModel('sensor', sensor),
      broken: await smallModel('broken', broken),
    }
    running = await endToEnd(startEmbedded)
    const worker = await running.start('worker', {
      worker: 'pool',
      models: [folders.broken, folders.classifier, folders.detector, folders.sensor],
    })
    const state = running.message(stateTopic.worker('pool'), (text) => text !== '')
    announced = JSON.parse(await Promise.race([state, worker.ended])) as Announcement
  })

  afterAll(() => running.close())

  test('announces those it serves, and says why it leaves one out', () => {
    expect(announced.models.map(({ name }) => name)).toEqual(['classifier', 'detector', 'sensor'])
    expect(announced.leftOut).toEqual([
      { model: folders.broken, reason: expect.stringMatching(/output 'p' must be numbers, value 0 is NaN/) },
    ])
  })

  test('finishes for an agent as the whole file does', async () => {
    const model = folders.classifier
    const agent = await running.start('agent', { device: 'pi', model, policy: 'input' })
    const online = running.message(stateTopic.agent('pi'), (text) => text.includes('online'))
    await Promise.race([online, agent.ended])
    const photo = await readFile(bundledPhoto('cat'))
    const loaded = await loadModel(model)
    const input = await decodeImage(photo, requirePicture(loaded.manifest))
    const engine = await loadEngine('onnxruntime')
    const [whole] = await runSegment(engine, loaded, wholeModel(loaded.graph), [input])
    const best = Math.max(...whole!.data)

    const result = await askUntil(() => running.ask('pi', photo), byWorker)
    expect(result).toMatchObject({
      top: [{ index: whole!.data.indexOf(best) }, {}, {}],
    })
    const [first] = result.top!
    expect(Math.abs(first!.probability - best)).toBeLessThan(2e-3)
  })
})
