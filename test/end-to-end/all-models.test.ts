import { randomBytes } from 'node:crypto'
import { copyFile, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import { featureCodec } from '../../src/codec/feature-codecs.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { relativeDifference, runWhole } from '../../src/executor/parity.ts'
import { inputsInRange } from '../../src/executor/whole-number-inputs.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import type { Announcement } from '../../src/transport/announcement.ts'
import { ChunkAssembler } from '../../src/transport/chunk-assembler.ts'
import { decodeFrame, encodeFrame } from '../../src/transport/frame.ts'
import { type Frame, modelDigits } from '../../src/transport/frame-content.ts'
import { workerTopic } from '../../src/transport/topics.ts'
import { sendFrame } from '../../src/transport/transfer.ts'
import { startEmbedded } from '../brokers/embedded.ts'
import { patienceMs } from '../patience.ts'
import { noSharedData, sharedData } from '../shared-data.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

const cases = sharedData('cases/models')
const served = [
  'constant-output',
  'detector-raw-boxes',
  'empty-tensor',
  'grey-picture',
  'integers-cross',
  'labels-first',
  'minus-infinity-crosses',
  'sensor-window',
  'sequence-between-layers',
  'size-from-value',
  'state-in-out',
  'tfjs-conv1d',
  'tfjs-dense',
  'tfjs-graph-model',
  'worker-one-bad-model/good',
  'worker-start-onnx/f',
  'worker-start-onnx/open',
  'zipmap-output',
]
const refused = {
  'worker-one-bad-model/bad': /NaN/,
  'fixed-input-value': /every axis of input 'x' must be known/,
}
/** Of the largest value: results travel as float16. */
const tolerance = 5e-3

describe('one worker with the models of all cases', () => {
  let running: EndToEnd
  let announced: Announcement
  let fixed: string
  const replies = new Map<string, (frame: Frame) => void>()

  beforeAll(async () => {
    if (cases === undefined) return
    fixed = await mkdtemp(join(tmpdir(), 'surgeon-fixed-'))
    await copyFile(join(cases, 'fixed-input-value/fixed-input-value.onnx'), join(fixed, 'fixed.onnx'))
    const manifest = {
      name: 'fixed',
      inputs: { x: { shape: [16] }, rate: { value: 16_000 } },
      output: { kind: 'values' },
    }
    await writeFile(join(fixed, 'fixed.surgeon.json'), JSON.stringify(manifest))
    running = await endToEnd(startEmbedded)
    const models = [...served, ...Object.keys(refused)].map((name) => join(cases, name))
    const worker = await running.start('worker', { worker: 'pool', models: [...models, fixed] })
    const state = running.message(stateTopic.worker('pool'), (text) => text !== '')
    announced = JSON.parse(await Promise.race([state, worker.ended])) as Announcement
    const assembler = new ChunkAssembler()
    await running.camera.subscribe('test/reply', ({ correlationData, payload }) => {
      const key = Buffer.from(correlationData!).toString('hex')
      const bytes = assembler.accept(key, payload, performance.now())
      if (bytes !== undefined) replies.get(key)?.(decodeFrame(bytes))
    })
  })

  beforeEach(({ skip }) => skip(cases === undefined, noSharedData))
  afterAll(() => running?.close())

  test('announces each that it serves, and why it leaves the others out', async () => {
    const hashes = await Promise.all([...served.map((name) => join(cases!, name)), fixed].map(hashOf))
    expect(announced.models.map(({ hash }) => hash).toSorted()).toEqual(hashes.toSorted())
    expect(announced.leftOut.map(({ model }) => model)).toEqual(
      Object.keys(refused).map((name) => join(cases!, name)),
    )
    for (const [i, reason] of Object.values(refused).entries())
      expect(announced.leftOut[i]!.reason).toMatch(reason)
  })

  test.each([...served, 'fixed-input-value, with its value'])(
    'answers for %s as the whole does',
    async (name) => {
      const model = await loadModel(name.includes(',') ? fixed : join(cases!, name))
      const inputs = inputsInRange(model, 2, 3)
      const whole = await runWhole(model, inputs, { engine: await loadEngine('onnxruntime'), threads: 1 })
      const { graph, hash } = model
      const parts = graph.inputs
        .toSorted((a, b) => a - b)
        .map((id) => featureCodec('float32').encode(inputs[graph.inputs.indexOf(id)]!))
      const request = {
        kind: 'request',
        model: hash.slice(0, modelDigits),
        wound: 'input',
        codec: 'float32',
      } as const
      const reply = await ask(encodeFrame({ ...request, timeLeftMs: patienceMs, parts }))
      const answer = reply.kind === 'result' ? reply : undefined
      expect(reply).toMatchObject({ kind: 'result' })
      const codec = featureCodec(answer!.codec)
      const values = answer!.parts.map(({ bytes, shape }) => codec.decode(bytes, shape))
      expect(relativeDifference(values, whole)).toBeLessThan(tolerance)
    },
  )

  async function ask(frame: Uint8Array): Promise<Frame> {
    const correlation = randomBytes(16)
    const { promise, resolve } = deferred<Frame>()
    replies.set(correlation.toString('hex'), resolve)
    await sendFrame(running.camera, workerTopic('pool', 'request'), correlation, frame, {
      expiryMs: 30_000,
      timeoutMs: patienceMs,
      responseTopic: 'test/reply',
    })
    return promise
  }
})

async function hashOf(source: string): Promise<string> {
  return (await loadModel(source)).hash
}
