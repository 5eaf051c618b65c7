import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { workerConfigSchema } from '../../backend/config.ts'
import { BackendWorker } from '../../backend/worker.ts'
import { type Deferred, deferred } from '../../src/async/deferred.ts'
import { featureCodec } from '../../src/codec/feature-codecs.ts'
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/embedded-broker/embedded-broker.ts'
import { type Announcement, announcementRenewMs } from '../../src/transport/announcement.ts'
import { ChunkAssembler } from '../../src/transport/chunk-assembler.ts'
import { splitIntoChunks } from '../../src/transport/chunks.ts'
import { decodeFrame, encodeFrame } from '../../src/transport/frame.ts'
import { type Frame, modelDigits } from '../../src/transport/frame-content.ts'
import type { IncomingMessage } from '../../src/transport/message.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { deviceTopic, workerTopic } from '../../src/transport/topics.ts'
import { sendFrame } from '../../src/transport/transfer.ts'
import { patienceMs } from '../patience.ts'

const requestTopic = workerTopic('w', 'request')
const replyTopic = deviceTopic('pi', 'reply')
const wound = 'block_6_project_BN'
let folder: string
let broker: EmbeddedBroker
let session: MqttSession
let worker: BackendWorker
let model: string
/** Requests of each call of the engine. */
let calls: number[] = []
let announcements: { message: IncomingMessage; said: Announcement | undefined }[] = []
const assembler = new ChunkAssembler()
const answers = new Map<string, Deferred<Frame>>()
let onAnnouncement: () => void = () => undefined

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-queue-'))
  broker = createEmbeddedBroker()
  const { port } = await broker.start()
  const mqtt = { url: `mqtt://127.0.0.1:${port}` }
  session = new MqttSession({ ...mqtt, clientId: 'edge', maxInFlightBytes: 4 << 20 })
  session.start()
  await session.whenOnline()
  await session.subscribe(workerTopic('w', 'state'), (message) => {
    const text = Buffer.from(message.payload).toString()
    announcements.push({ message, said: text === '' ? undefined : (JSON.parse(text) as Announcement) })
    onAnnouncement()
  })
  await session.subscribe(replyTopic, ({ correlationData, payload }) => {
    const key = Buffer.from(correlationData!).toString('hex')
    const bytes = assembler.accept(key, payload, performance.now())
    if (bytes !== undefined) answers.get(key)?.resolve(decodeFrame(bytes))
  })
  const config = { worker: 'w', mqtt, models: ['mobilenetv2'], stateDirectory: folder }
  const log = (_: string, message: string, fields?: Readonly<Record<string, unknown>>) => {
    if (message === 'serving') calls.push(fields!['requests'] as number)
  }
  worker = new BackendWorker(workerConfigSchema.parse({ ...config, limits: { batch: 1 } }), log)
  await worker.start()
  await announced(({ said }) => said !== undefined)
  model = announcements.at(-1)!.said!.models[0]!.hash.slice(0, modelDigits)
})

beforeEach(() => {
  calls = []
})

afterAll(async () => {
  await worker.stop()
  await session.stop()
  await broker.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Resolves once there is such an announcement. */
async function announced(wanted: (one: (typeof announcements)[number]) => boolean): Promise<void> {
  const { promise, resolve } = deferred<void>()
  onAnnouncement = () => {
    if (announcements.some(wanted)) resolve()
  }
  onAnnouncement()
  await promise
}

function send(key: string, frame: Frame): Promise<unknown> {
  return sendFrame(session, requestTopic, Buffer.from(key, 'hex'), encodeFrame(frame), {
    expiryMs: 60_000,
    timeoutMs: patienceMs,
    responseTopic: replyTopic,
  })
}

/** Sends a request; its answer comes in time, or never. */
async function ask(): Promise<{ key: string; answer: Promise<Frame> }> {
  const key = randomBytes(16).toString('hex')
  const answer = deferred<Frame>()
  answers.set(key, answer)
  const codec = featureCodec('uint8')
  const shape = [1, 64, 14, 14]
  const bytes = codec.encode({ shape, data: new Float32Array(64 * 14 * 14) })
  const parts = [bytes]
  await send(key, { kind: 'request', model, wound, codec: 'uint8', timeLeftMs: patienceMs, parts })
  return { key, answer: answer.promise }
}

async function cancel(request: string): Promise<void> {
  await send(randomBytes(16).toString('hex'), { kind: 'cancel', request })
}

test('of 40 requests that are given up most are not computed, and those behind them are', async () => {
  const asked = await Promise.all(Array.from({ length: 40 }, ask))
  await Promise.all(asked.map(({ key }) => cancel(key)))
  const next = await ask()
  expect(await next.answer).toMatchObject({ kind: 'result' })
  // One at least was begun before it was given up.
  expect(calls.length).toBeLessThanOrEqual(30)
})

const frameOf = (names: { wound: string; codec: string }, bytes: number) =>
  encodeFrame({
    kind: 'request',
    model,
    ...names,
    timeLeftMs: patienceMs,
    parts: [new Uint8Array(bytes)],
  })

test.each([
  ['for its wound and codec', 'bad-input', () => frameOf({ wound, codec: 'uint8' }, 1 << 20)],
  ['for a picture', 'bad-input', () => frameOf({ wound: 'input', codec: 'received' }, 9 << 20)],
  [
    'as its wound is unknown',
    'unknown-wound',
    () => frameOf({ wound: 'elsewhere', codec: 'uint8' }, 1 << 20),
  ],
  ['as it is no frame', 'bad-frame', () => new Uint8Array(60 << 20)],
])('a transfer too large %s is refused at its first chunk, once', async (_, code, frame) => {
  const key = randomBytes(16).toString('hex')
  const refusal = deferred<Frame>()
  answers.set(key, refusal)
  const publish = (chunk: Uint8Array) =>
    session.publish(requestTopic, chunk, {
      qos: 1,
      timeoutMs: patienceMs,
      correlationData: Buffer.from(key, 'hex'),
      responseTopic: replyTopic,
    })
  const [first, second] = splitIntoChunks(frame())
  await publish(first!)
  expect(await refusal.promise).toMatchObject({ kind: 'failure', code })
  const again = deferred<Frame>()
  answers.set(key, again)
  let isRefusedAgain = false
  void again.promise.then(() => {
    isRefusedAgain = true
  })
  await publish(second!)
  // Messages of one topic are in order: once the next request is answered, the chunk was looked at.
  expect(await (await ask()).answer).toMatchObject({ kind: 'result' })
  expect(isRefusedAgain).toBe(false)
})

test('the announcement is retained, grows old, and says what the queue expects', async () => {
  const [{ message, said }] = announcements as [(typeof announcements)[number]]
  expect(message.expirySeconds).toBeGreaterThan(announcementRenewMs / 1000)
  expect(message.expirySeconds).toBeLessThanOrEqual((3 * announcementRenewMs) / 1000)
  expect(said).toMatchObject({ leftOut: [], waitingBytes: 0, models: [{ name: 'mobilenetv2', queueMs: 0 }] })
})

test('a worker that is stopped answers what is in work, says that it takes nothing more, then that it is gone', async () => {
  const asked = await Promise.all(Array.from({ length: 12 }, ask))
  await worker.stop()
  for (const { answer } of asked) {
    const frame = await answer
    expect(frame.kind === 'failure' ? frame.code : frame.kind).toMatch(/^(result|stopping)$/)
  }
  await announced(({ said }) => said === undefined)
  const [idle, gone] = announcements.slice(-2)
  expect(idle?.said?.models).toEqual([])
  expect(gone?.said).toBeUndefined()
})
