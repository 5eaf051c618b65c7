import { readFile } from 'node:fs/promises'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AnswerMessage } from '../../agent/request-message.ts'
import { freePort } from '../../lab/free-port.ts'
import type { SurgeonProcess } from '../../lab/surgeon-process.ts'
import { deviceTopic } from '../../src/transport/topics.ts'
import { startEmbedded } from '../brokers/embedded.ts'
import { classifier, openBatch, smallModel } from '../model-graph/onnx/small-models.ts'
import { bundledPhoto } from '../model-input.ts'
import { patienceMs } from '../patience.ts'
import { askUntil, byWorker } from './ask-until.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

const device = 'pi'

describe('an agent with several models', () => {
  let running: EndToEnd
  let worker: SurgeonProcess
  let photo: Buffer
  let port: number
  let state: { model: string; models: { model: string; hash: string; engine: string }[] }

  const ask = async (stream: string, input: Uint8Array = photo): Promise<AnswerMessage> =>
    askUntil(
      () => running.ask(device, input, stream),
      () => true,
    )

  beforeAll(async () => {
    port = await freePort()
    photo = await readFile(bundledPhoto('cat'))
    const yard = await smallModel('yard', classifier)
    const larger = await smallModel('larger', openBatch)
    running = await endToEnd(startEmbedded)
    worker = await running.start('worker', { worker: 'pool', models: ['mobilenetv2', yard, larger] })
    await Promise.race([running.message(stateTopic.worker('pool'), (text) => text !== ''), worker.ended])
    const agent = await running.start('agent', {
      device,
      dashboard: { port },
      // Slow enough for the worker to be worth its way.
      lab: { edgeSlowdown: 30 },
      streams: [
        { name: 'porch' },
        { name: 'yard', model: yard },
        // All that is not certain is doubtful.
        { name: 'hall', cascade: { model: 'larger', below: 1 } },
        // Nobody has it.
        { name: 'roof', cascade: { model: 'largest', below: 1 } },
        { name: 'gate', model: yard, unchanged: { difference: 12 } },
        { name: 'attic', model: yard, unchanged: { difference: 12, reuse: 'silence' } },
      ],
    })
    const online = running.message(stateTopic.agent(device), (text) => text.includes('online'))
    await Promise.race([online, agent.ended])
    state = JSON.parse(await online) as typeof state
  })

  afterAll(() => running.close())

  test('answers each stream by its own, at the edge and by the worker, and says which', async () => {
    const porch = await askUntil(() => running.ask(device, photo, 'porch'), byWorker)
    expect(porch).toMatchObject({ model: 'mobilenetv2', source: 'porch' })
    expect(porch.top![0]!.label).toMatch(/cat/)
    const yard = await ask('yard')
    expect(yard).toMatchObject({ model: 'yard', source: 'yard' })
    expect(yard.top).toHaveLength(3)
    expect(state.model).toBe('mobilenetv2')
    expect(state.models.map(({ model }) => model)).toEqual(['mobilenetv2', 'yard'])
    expect(new Set(state.models.map(({ hash }) => hash)).size).toBe(2)
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    expect(metrics).toMatch(/surgeon_answered_total\{device="pi",model="mobilenetv2"\} [1-9]/)
    expect(metrics.match(/# TYPE surgeon_answered_total/g)).toHaveLength(1)
  })

  test('has a larger model answer what is doubtful, of which it has no file, as long as a worker holds it', async () => {
    const doubtful = await askUntil(
      () => running.ask(device, photo, 'hall'),
      ({ doubted }) => doubted !== undefined,
    )
    expect(doubtful).toMatchObject({
      model: 'larger',
      finishedAt: 'worker',
      plan: { wound: 'input', worker: 'pool' },
      doubted: { model: 'mobilenetv2', confidence: expect.any(Number) },
    })
    expect(doubtful.top).toHaveLength(3)
    expect(await ask('roof')).not.toHaveProperty('doubted')
  })

  test('does not compute what looks like the last, and does what is new', async () => {
    await ask('gate')
    const again = await askUntil(
      () => running.ask(device, photo, 'gate'),
      ({ reused }) => reused === true,
    )
    expect(again).toMatchObject({ source: 'gate', bytes: 0, headMs: 0 })
    const box = { create: { width: 60, height: 60, channels: 3, background: 'red' } } as const
    const other = await sharp(photo)
      .composite([{ input: box, left: 20, top: 20 }])
      .jpeg()
      .toBuffer()
    expect(await ask('gate', other)).not.toHaveProperty('reused')
    expect(await ask('gate', other)).toMatchObject({ reused: true })
  })

  test('says nothing of what looks like the last where it is told so', async () => {
    const topic = deviceTopic(device, 'result')
    // Some brokers deliver to each of two subscriptions.
    const ids = new Set<string>()
    const end = await running.camera.subscribe(`${topic}/attic`, ({ payload }) =>
      ids.add((JSON.parse(Buffer.from(payload).toString()) as AnswerMessage).id),
    )
    await ask('attic')
    const publish = { qos: 1, timeoutMs: patienceMs } as const
    await running.camera.publish(`${deviceTopic(device, 'input')}/attic`, photo, publish)
    const metrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    const reused = async () => Number(/surgeon_reused_total\{[^}]*"yard"\} (\d+)/.exec(await metrics())![1])
    // Once it is counted no answer can come of it any more.
    while ((await reused()) < 3) await ask('yard')
    expect(ids.size).toBe(1)
    await end()
  })

  test('answers alone once the worker is gone', async () => {
    const gone = running.message(stateTopic.worker('pool'), (text) => text === '')
    await worker.stop()
    await gone
    const first = await askUntil(
      () => running.ask(device, photo, 'hall'),
      ({ doubted, finishedAt }) => doubted === undefined && finishedAt === 'edge',
    )
    expect(first).toMatchObject({ model: 'mobilenetv2' })
    const edge = ({ finishedAt }: AnswerMessage) => finishedAt === 'edge'
    const yard = await askUntil(() => running.ask(device, photo, 'yard'), edge)
    expect(yard).toMatchObject({ model: 'yard', plan: { wound: 'local' } })
  })
})
