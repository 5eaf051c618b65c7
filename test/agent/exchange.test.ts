import { beforeEach, expect, test } from 'vitest'
import { Exchange, type RemoteRequest } from '../../agent/exchange.ts'
import { Workers } from '../../agent/workers.ts'
import { type Deferred, deferred } from '../../src/async/deferred.ts'
import { featureCodec } from '../../src/codec/feature-codecs.ts'
import { ChunkAssembler } from '../../src/transport/chunk-assembler.ts'
import { splitIntoChunks } from '../../src/transport/chunks.ts'
import { decodeFrame, encodeFrame } from '../../src/transport/frame.ts'
import type { Frame, ResultFrame } from '../../src/transport/frame-content.ts'
import type { IncomingMessage } from '../../src/transport/message.ts'
import type { PublishOptions, PublishReceipt } from '../../src/transport/publishing.ts'
import type { MessageHandler } from '../../src/transport/subscriptions.ts'

const modelHash = 'a'.repeat(32)

/** A session of which the test acknowledges each message by itself. */
class Desk {
  readonly handlers = new Map<string, MessageHandler>()
  readonly published: {
    topic: string
    frame: Frame
    options: PublishOptions
    ack: Deferred<PublishReceipt>
  }[] = []

  async publish(
    topic: string,
    payload: string | Uint8Array,
    options: PublishOptions,
  ): Promise<PublishReceipt> {
    const bytes = new ChunkAssembler().accept('any', payload as Uint8Array, 0)!
    const ack = deferred<PublishReceipt>()
    this.published.push({ topic, frame: decodeFrame(bytes), options, ack })
    options.onSent?.()
    return ack.promise
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<() => Promise<void>> {
    this.handlers.set(filter, handler)
    return async () => undefined
  }

  /** The worker's answer to the last request. */
  reply(frame: Frame, to = this.published.findLast((each) => each.frame.kind === 'request')!): void {
    const [payload] = splitIntoChunks(encodeFrame(frame))
    const message: IncomingMessage = {
      topic: 'surgeon/device/pi/reply',
      payload: payload!,
      correlationData: to.options.correlationData!,
      retain: false,
    }
    void this.handlers.get('surgeon/device/pi/reply')!(message)
  }
}

const receipt = { bytes: 0, packetBytes: 0, waitMs: 0, ackMs: 0, inFlightBytes: 0, isUnmatched: false }
const value = { shape: [1, 2], data: Float32Array.of(0.25, 0.75) }
const result: ResultFrame = {
  kind: 'result',
  codec: 'float32',
  isDamaged: false,
  queueMs: 3,
  decodeMs: 1,
  elapsedMs: 20,
  shareMs: 20,
  parts: [{ shape: [1, 2], bytes: featureCodec('float32').encode(value) }],
}

let nowMs: number
let desk: Desk
let workers: Workers
let exchange: Exchange
let downlinks: [bytes: number, ms: number][]

beforeEach(async () => {
  nowMs = 0
  desk = new Desk()
  downlinks = []
  const common = { topicPrefix: 'surgeon', modelHash, now: () => nowMs, log: () => undefined }
  workers = new Workers({
    ...common,
    wounds: new Set(['middle']),
    onGone: (worker) => exchange.onGone(worker),
  })
  exchange = new Exchange({
    ...common,
    session: desk,
    device: 'pi',
    workers,
    onDownlink: (bytes, ms) => downlinks.push([bytes, ms]),
  })
  await exchange.start()
  announce(
    JSON.stringify({
      models: [{ name: 'm', hash: modelHash, wounds: [{ id: 'middle', tailMs: 20 }], queueMs: 0 }],
    }),
  )
})

function announce(text: string): void {
  const message = { topic: 'surgeon/worker/w/state', payload: Buffer.from(text), retain: true }
  void desk.handlers.get('surgeon/worker/+/state')!(message)
}

function ask(fields: Partial<RemoteRequest> = {}) {
  return exchange.request({
    worker: 'w',
    wound: 'middle',
    codec: 'float32',
    parts: [new Uint8Array(8)],
    work: { decode: 'none', decodeMs: 0, tailMs: 20 },
    timeLeftMs: 5000,
    returnMs: 2,
    signal: new AbortController().signal,
    outputShapes: [[1, 2]],
    onFrame: () => undefined,
    onArrived: () => undefined,
    ...fields,
  })
}

test('Exchange: an answer counts when it is there, whether or not the request was acknowledged before', async () => {
  const answer = ask()
  desk.reply(result)
  const { values, queueMs } = await answer
  expect([...values[0]!.data]).toEqual([0.25, 0.75])
  expect(queueMs).toBe(3)
  expect(downlinks).toEqual([])
})

test('Exchange: what is left between acknowledgement and answer after the worker was the way down', async () => {
  const answer = ask()
  nowMs = 10
  desk.published[0]!.ack.resolve(receipt)
  await desk.published[0]!.ack.promise
  await new Promise(setImmediate)
  nowMs = 45
  desk.reply(result)
  await answer
  expect(downlinks.map(([, ms]) => ms)).toEqual([45 - 10 - 3 - 1 - 20])
})

test('Exchange: a request that is given up is cancelled at the worker, under another correlation and without an answer', async () => {
  const abort = new AbortController()
  const answer = ask({ signal: abort.signal })
  abort.abort(new Error('the edge was first'))
  await expect(answer).rejects.toThrow('the edge was first')
  const [request, cancel] = desk.published
  expect(cancel!.topic).toBe(request!.topic)
  expect(cancel!.frame).toEqual({
    kind: 'cancel',
    request: Buffer.from(request!.options.correlationData!).toString('hex'),
  })
  expect(cancel!.options.correlationData).not.toEqual(request!.options.correlationData)
  expect(cancel!.options.responseTopic).toBeUndefined()
})

test('Exchange learns from an answer that nobody waits for any more', async () => {
  const abort = new AbortController()
  const answer = ask({ signal: abort.signal })
  abort.abort(new Error('given up'))
  await answer.catch(() => undefined)
  desk.reply({ ...result, elapsedMs: 80, shareMs: 80 }, desk.published[0])
  expect(workers.snapshot()[0]!.tailFactor).toBe(1)
  const second = ask()
  desk.reply({ ...result, elapsedMs: 80, shareMs: 80 })
  await second
  expect(workers.snapshot()[0]!.tailFactor).toBe(4)
})

test.each([
  [{ kind: 'failure', code: 'internal', message: 'm' } as const, 'worker-failed', 'doubted'],
  [{ kind: 'failure', code: 'stopping', message: 'm' } as const, 'worker-failed', 'doubted'],
  [{ kind: 'failure', code: 'bad-input', message: 'm' } as const, 'bad-input', 'trusted'],
  [{ kind: 'failure', code: 'overloaded', waitMs: 500, message: 'm' } as const, 'overloaded', 'trusted'],
  [{ ...result, parts: [] } as const, 'worker-failed', 'doubted'],
  [{ ...result, parts: [{ ...result.parts[0]!, shape: [2, 1] }] } as const, 'worker-failed', 'doubted'],
])(
  'Exchange: a failure says why, and counts against the worker only where it is its own: %o',
  async (frame, code, trust) => {
    const answer = ask()
    desk.reply(frame)
    await expect(answer).rejects.toMatchObject({ code })
    const [belief] = workers.snapshot()
    expect(belief!.trust.kind).toBe(trust)
    expect(belief!.queueMs).toBe(code === 'overloaded' ? 500 : 0)
  },
)

test('Exchange: values that are no numbers are no answer', async () => {
  const nan = new Uint8Array(Float32Array.of(Number.NaN, 0).buffer)
  const answer = ask()
  desk.reply({ ...result, parts: [{ shape: [1, 2], bytes: nan }] })
  await expect(answer).rejects.toMatchObject({ code: 'worker-failed' })
})

test('Exchange: a worker that leaves fails what is with it, a link that does not carry it says so', async () => {
  const unsent = ask()
  desk.published.at(-1)!.ack.reject(new Error('no connection'))
  await expect(unsent).rejects.toMatchObject({ code: 'offline' })
  expect(workers.snapshot()[0]).toMatchObject({ outstanding: 0, trust: { kind: 'trusted' } })
  const left = ask()
  announce('')
  await expect(left).rejects.toMatchObject({ code: 'worker-failed' })
  expect(workers.snapshot()).toEqual([])
})
