import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { workerConfigSchema } from '../../backend/config.ts'
import { BackendWorker } from '../../backend/worker.ts'
import { deferred } from '../../src/async/deferred.ts'
import { blankImage } from '../../src/codec/image-codecs.ts'
import { createEmbeddedBroker } from '../../src/embedded-broker/embedded-broker.ts'
import type { Announcement } from '../../src/transport/announcement.ts'
import { wholeHeaderBytes } from '../../src/transport/chunks.ts'
import { decodeFrame, encodeFrame } from '../../src/transport/frame.ts'
import { type Frame, modelDigits } from '../../src/transport/frame-content.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { deviceTopic, workerTopic } from '../../src/transport/topics.ts'
import { sendFrame } from '../../src/transport/transfer.ts'
import { classifier, smallModel } from '../model-graph/onnx/small-models.ts'
import { patienceMs } from '../patience.ts'

const own = process.platform

function pretend(platform: NodeJS.Platform): void {
  Object.defineProperty(process, 'platform', { value: platform })
}

afterEach(() => pretend(own))

/** Starts a worker of that configuration, asks it once over a broker and stops it. */
async function askOnce(engine: 'onnxruntime' | 'wasm'): Promise<Frame> {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'surgeon-platform-'))
  const broker = createEmbeddedBroker()
  const { port } = await broker.start()
  const mqtt = { url: `mqtt://127.0.0.1:${port}` }
  const session = new MqttSession({ ...mqtt, clientId: 'edge' })
  session.start()
  await session.whenOnline()
  const announced = deferred<Announcement>()
  const answered = deferred<Frame>()
  await session.subscribe(workerTopic('w', 'state'), ({ payload }) => {
    if (payload.length > 0) announced.resolve(JSON.parse(Buffer.from(payload).toString()) as Announcement)
  })
  // A small answer is one chunk: its frame follows the header.
  await session.subscribe(deviceTopic('pi', 'reply'), ({ payload }) =>
    answered.resolve(decodeFrame(payload.subarray(wholeHeaderBytes))),
  )
  const models = [await smallModel('classifier', classifier)]
  const config = { worker: 'w', mqtt, models, stateDirectory, engine }
  const worker = new BackendWorker(workerConfigSchema.parse(config), () => undefined)
  try {
    await worker.start()
    const { hash } = (await announced.promise).models[0]!
    const part = await blankImage(16, 16)
    const request = encodeFrame({
      kind: 'request',
      model: hash.slice(0, modelDigits),
      wound: 'input',
      codec: 'received',
      timeLeftMs: patienceMs,
      parts: [part],
    })
    await sendFrame(session, workerTopic('w', 'request'), new Uint8Array(16), request, {
      expiryMs: 60_000,
      timeoutMs: patienceMs,
      responseTopic: deviceTopic('pi', 'reply'),
    })
    return await answered.promise
  } finally {
    await worker.stop()
    await session.stop()
    await broker.stop()
    await rm(stateDirectory, { recursive: true, force: true })
  }
}

test.each(['darwin', 'win32'] as const)(
  'the pool member asks nothing of Linux alone: it serves where it is told that this is %s',
  async (platform) => {
    pretend(platform)
    expect(await askOnce('wasm')).toMatchObject({ kind: 'result' })
    expect(await askOnce('onnxruntime')).toMatchObject({ kind: 'result' })
  },
)
