import { randomBytes } from 'node:crypto'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cameraFrames } from '../../lab/demo/camera.ts'
import { deferred } from '../../src/async/deferred.ts'
import { ChunkAssembler } from '../../src/transport/chunk-assembler.ts'
import { splitIntoChunks, wholeHeaderBytes } from '../../src/transport/chunks.ts'
import { decodeFrame, encodeFrame } from '../../src/transport/frame.ts'
import { type Frame, modelDigits } from '../../src/transport/frame-content.ts'
import { workerTopic } from '../../src/transport/topics.ts'
import { startBroker } from '../brokers/start-broker.ts'
import { patienceMs } from '../patience.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

describe('bad input', () => {
  let running: EndToEnd
  let announced: { models: { hash: string }[] }

  beforeAll(async () => {
    running = await endToEnd(startBroker)
    await running.start('worker', { worker: 'pool-1' })
    announced = JSON.parse(await running.message(stateTopic.worker('pool-1'), (text) => text !== ''))
    await running.start('agent', { device: 'pi', limits: { inputBytes: 200_000 } })
    await running.message(stateTopic.agent('pi'), (text) => text.includes('online'))
  })

  afterAll(() => running.close())

  /** What the worker answers to a message on its request topic. */
  async function failureOf(payload: Uint8Array): Promise<Frame> {
    const correlationData = randomBytes(16)
    const { promise, resolve } = deferred<Uint8Array>()
    const assembler = new ChunkAssembler()
    const end = await running.camera.subscribe('test/reply', (message) => {
      const whole = assembler.accept('reply', message.payload, performance.now())
      if (whole !== undefined) resolve(whole)
    })
    await running.camera.publish(workerTopic('pool-1', 'request'), payload, {
      qos: 1,
      timeoutMs: patienceMs,
      correlationData,
      responseTopic: 'test/reply',
    })
    const frame = decodeFrame(await promise)
    await end()
    return frame
  }

  function request(change: Partial<Extract<Frame, { kind: 'request' }>>): Uint8Array {
    const frame: Frame = {
      kind: 'request',
      model: announced.models[0]!.hash.slice(0, modelDigits),
      wound: 'input',
      codec: 'received',
      timeLeftMs: patienceMs,
      parts: [new Uint8Array([1, 2, 3])],
      ...change,
    }
    return splitIntoChunks(encodeFrame(frame))[0]!
  }

  test('the agent names what is wrong with an input and answers the next', async () => {
    const [good] = await cameraFrames(1)
    const noise = await sharp(randomBytes(300 * 300 * 3), { raw: { width: 300, height: 300, channels: 3 } })
      .png()
      .toBuffer()
    const errors = [
      [new Uint8Array([1, 2, 3]), 'unsupported'],
      [good!.bytes.slice(0, 200), 'unreadable'],
      [new Uint8Array(noise), 'too-large'],
    ] as const
    for (const [input, code] of errors) {
      const result = await running.ask('pi', input)
      expect(result).toMatchObject({ ok: false, error: { code } })
    }
    expect(await running.ask('pi', good!.bytes)).toMatchObject({ ok: true })
  })

  test('the worker answers a broken request with a failure and serves the next', async () => {
    expect(await failureOf(randomBytes(400))).toMatchObject({ kind: 'failure', code: 'bad-frame' })
    const wrongVersion = request({})
    wrongVersion[wholeHeaderBytes + 2]! ^= 0x55
    expect(await failureOf(wrongVersion)).toMatchObject({ kind: 'failure', code: 'bad-frame' })
    expect(await failureOf(request({ model: '0'.repeat(modelDigits) }))).toMatchObject({
      code: 'unknown-model',
    })
    expect(await failureOf(request({ wound: 'nowhere' }))).toMatchObject({ code: 'unknown-wound' })
    expect(await failureOf(request({ wound: 'local' }))).toMatchObject({ code: 'unknown-wound' })
    expect(await failureOf(request({}))).toMatchObject({ code: 'bad-input' })
    expect(await failureOf(request({ codec: 'raw' }))).toMatchObject({ code: 'bad-input' })
    const short = new Uint8Array(9)
    expect(
      await failureOf(request({ wound: 'block_6_project_BN', codec: 'uint8', parts: [short] })),
    ).toMatchObject({
      code: 'bad-input',
    })
    expect(
      await failureOf(request({ wound: 'block_6_project_BN', codec: 'uint8', parts: [short, short] })),
    ).toMatchObject({
      code: 'bad-input',
    })
    expect(
      await failureOf(request({ wound: 'block_6_project_BN', codec: 'nonsense', parts: [short] })),
    ).toMatchObject({
      code: 'bad-input',
    })
    const [good] = await cameraFrames(1)
    expect(await failureOf(request({ parts: [good!.bytes] }))).toMatchObject({ kind: 'result' })
  })
})
