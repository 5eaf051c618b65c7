import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ResultMessage } from '../../agent/request-message.ts'
import type { SurgeonProcess } from '../../lab/surgeon-process.ts'
import { AnswerReader } from '../../src/answer/answer-reader.ts'
import { readPixels } from '../../src/codec/image-input.ts'
import { pixelsToInput } from '../../src/codec/pixels-to-input.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { runSegment } from '../../src/executor/parity.ts'
import { nnstreamerHeader } from '../../src/input/nnstreamer-header.ts'
import { wholeModel } from '../../src/model-graph/cut.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { requirePicture } from '../../src/model-graph/manifest.ts'
import { deviceTopic } from '../../src/transport/topics.ts'
import { startEmbedded } from '../brokers/embedded.ts'
import { broken, detector, sensor, smallModel } from '../model-graph/onnx/small-models.ts'
import { bundledPhoto } from '../model-input.ts'
import { patienceMs } from '../patience.ts'
import { askUntil, byWorker } from './ask-until.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

const boxes = {
  name: 'detector',
  input: { width: 16, height: 16, mean: 0, scale: 255, fit: 'contain' },
  output: { kind: 'boxes', layout: 'yolov8', logits: true, score: 0.4, labels: 'labels.json' },
}
const numbers = {
  name: 'sensor',
  input: { kind: 'values', shape: [64, 3], names: ['x', 'y', 'z'] },
  output: { kind: 'softmax', topK: 2 },
}

describe('inputs and answers of every kind', () => {
  let running: EndToEnd
  let folders: Record<'detector' | 'sensor' | 'broken', string>
  const window = Array.from({ length: 192 }, (_, i) => Math.sin(i))

  async function described(name: string, parts: typeof sensor, manifest: object): Promise<string> {
    const folder = await smallModel(name, parts)
    await writeFile(join(folder, 'surgeon.json'), JSON.stringify(manifest))
    await writeFile(join(folder, 'labels.json'), '["cat", "dog", "cup"]')
    return folder
  }

  async function startAgent(device: string, config: object): Promise<SurgeonProcess> {
    const agent = await running.start('agent', { device, ...config })
    const online = running.message(stateTopic.agent(device), (text) => text.includes('online'))
    await Promise.race([online, agent.ended])
    return agent
  }

  beforeAll(async () => {
    folders = {
      detector: await described('detector', detector, boxes),
      sensor: await described('sensor', sensor, numbers),
      broken: await smallModel('broken', broken),
    }
    running = await endToEnd(startEmbedded)
    const worker = await running.start('worker', {
      worker: 'pool',
      models: [folders.detector, folders.sensor],
    })
    const state = running.message(stateTopic.worker('pool'), (text) => text !== '')
    await Promise.race([state, worker.ended])
  })

  afterAll(() => running.close())

  test('a detector answers boxes in pixels of the picture, the same from the worker as from the edge', async () => {
    await startAgent('boxes-far', { model: folders.detector, policy: 'input' })
    await startAgent('boxes-near', { model: folders.detector, policy: 'local' })
    const photo = await readFile(bundledPhoto('cat'))
    const far = await askUntil(() => running.ask('boxes-far', photo), byWorker)
    const near = await running.ask('boxes-near', photo)

    const model = await loadModel(folders.detector)
    const input = requirePicture(model.manifest)
    const { made, width, height } = await readPixels(photo, input)
    const engine = await loadEngine('onnxruntime')
    const whole = await runSegment(engine, model, wholeModel(model.graph), [pixelsToInput(made, input)])
    const expected = new AnswerReader(model, ['cat', 'dog', 'cup']).read(whole, { width, height })
    expect('boxes' in expected && expected.boxes.length).toBeGreaterThan(0)
    expect(near).toMatchObject({ ok: true, finishedAt: 'edge', ...expected })
    expect(far.boxes).toEqual((near as typeof far).boxes)
  })

  test("what NNStreamer's mqttsink sends is taken where the configuration says so, and nothing else", async () => {
    await startAgent('gstreamer', {
      model: folders.sensor,
      policy: 'local',
      input: { header: 'nnstreamer' },
    })
    const raw = new Uint8Array(Float32Array.from(window).buffer)
    const header = nnstreamerHeader(raw.length, 'other/tensors, format=(string)static')
    const answer = await running.ask('gstreamer', Buffer.concat([header, raw]))
    expect(answer).toMatchObject({ ok: true, top: [{}, {}] })
    expect(await running.ask('gstreamer', raw)).toMatchObject({
      ok: false,
      error: { code: 'bad-input', message: expect.stringMatching(/must begin with the 1024 bytes/) },
    })
  })

  test('several samples of one message are answered in their order', async () => {
    await startAgent('batch', { model: folders.sensor, policy: 'local' })
    const samples = [0, 1, 2].map((n) => Array.from({ length: 64 }, (_, i) => [Math.sin(i * n), n, i % 3]))
    const alone = []
    for (const sample of samples)
      alone.push(await running.ask('batch', new TextEncoder().encode(JSON.stringify(sample))))
    const seen: ResultMessage[] = []
    const all = running.message(deviceTopic('batch', 'result'), (text) => {
      const result = JSON.parse(text) as ResultMessage
      // Another subscription of this client has the same topic, and brokers may deliver for both.
      if (seen.every(({ window: sample }) => sample !== result.window)) seen.push(result)
      return seen.length === samples.length
    })
    await running.camera.publish(deviceTopic('batch', 'input'), JSON.stringify(samples), {
      qos: 1,
      timeoutMs: patienceMs,
    })
    await all
    expect(seen.map(({ window: sample }) => sample)).toEqual([0, 1, 2])
    const tops = (results: readonly ResultMessage[]) =>
      results.map((result) => (result.ok ? result.top : result.error))
    expect(tops(seen)).toEqual(tops(alone))
  })

  test('a sensor model takes numbers as JSON and raw, finished by the worker and by the edge', async () => {
    await startAgent('sensor-far', { model: folders.sensor, policy: 'input' })
    await startAgent('sensor-near', { model: folders.sensor, policy: 'local' })
    const json = new TextEncoder().encode(JSON.stringify({ values: window }))
    const flat = new TextEncoder().encode(JSON.stringify(window))
    const raw = new Uint8Array(Float32Array.from(window).buffer)
    const near = await running.ask('sensor-near', raw)
    expect(near).toMatchObject({ ok: true, finishedAt: 'edge', top: [{}, {}] })
    const far = await askUntil(() => running.ask('sensor-far', flat), byWorker)
    expect(far.plan).toMatchObject({ wound: 'input', codec: 'float32' })
    const [a, b] = [far.top!, (near as typeof far).top!]
    expect(a.map(({ index }) => index)).toEqual(b.map(({ index }) => index))
    for (const [i, { probability }] of a.entries()) expect(probability).toBeCloseTo(b[i]!.probability, 5)
    expect(await running.ask('sensor-near', json)).toMatchObject({
      ok: false,
      error: { code: 'bad-input', message: expect.stringMatching(/field x is missing/) },
    })
    expect(await running.ask('sensor-near', await readFile(bundledPhoto('cat')))).toMatchObject({
      ok: false,
      error: { code: 'unsupported', message: expect.stringMatching(/begins with FF D8/) },
    })
  })

  test('NaN is no answer', async () => {
    const agent = await running.start('agent', { device: 'nan', model: folders.broken, policy: 'local' })
    await expect(agent.ended).rejects.toThrow(/ended by itself .*/)
  })
})
