import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Exchange } from '../../agent/exchange.ts'
import { Workers } from '../../agent/workers.ts'
import { isRequestId } from '../../src/transport/frame-content.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import type { PublishReceipt } from '../../src/transport/publishing.ts'
import { workerTopic } from '../../src/transport/topics.ts'
import { sendFrame } from '../../src/transport/transfer.ts'
import { type MosquittoOptions, mosquittoMissing, startMosquitto } from '../brokers/mosquitto.ts'
import type { TestBroker } from '../brokers/test-broker.ts'
import { patienceMs } from '../patience.ts'

/** What Mosquitto says, or keeps to itself, and the embedded broker does not. */
describe('on Mosquitto', () => {
  const stops: (() => Promise<unknown>)[] = []
  const logged: { message: string; fields?: Readonly<Record<string, unknown>> | undefined }[] = []
  beforeEach(({ skip }) => {
    skip(mosquittoMissing !== undefined, mosquittoMissing)
    logged.length = 0
  })
  afterEach(async () => {
    for (const stop of stops.splice(0).toReversed()) await stop()
  })

  async function brokerOf(options?: MosquittoOptions): Promise<TestBroker> {
    const broker = await startMosquitto(options)
    stops.push(() => broker.stop())
    return broker
  }

  async function sessionOf({ url }: TestBroker, clientId: string): Promise<MqttSession> {
    const session = new MqttSession({
      url,
      clientId,
      backoff: { minMs: 5, maxMs: 20 },
      log: (_, message, fields) => logged.push({ message, fields }),
    })
    stops.push(() => session.stop())
    session.start()
    await session.whenOnline()
    return session
  }

  /** An agent's side of the pool, with a clock that the test moves. */
  async function exchangeOf(session: MqttSession) {
    let nowMs = 0
    const common = {
      topicPrefix: 'surgeon',
      modelHash: 'ab'.repeat(16),
      now: () => nowMs,
      log: (_: string, message: string, fields?: Readonly<Record<string, unknown>>) =>
        void logged.push({ message, fields }),
    }
    const workers = new Workers({ ...common, wounds: new Set(['input']), onGone: () => undefined })
    const exchange = new Exchange({
      ...common,
      session,
      device: 'pi',
      workers,
      onDownlink: () => undefined,
    })
    await exchange.start()
    const announcement = JSON.stringify({
      models: [{ name: 'm', hash: common.modelHash, wounds: [{ id: 'input', tailMs: 1 }], queueMs: 0 }],
    })
    const message = { topic: workerTopic('w', 'state'), payload: Buffer.from(announcement), retain: true }
    workers.onAnnouncement(message)
    const ask = (signal: AbortSignal, onArrived: () => void = () => undefined) =>
      exchange.request({
        worker: 'w',
        wound: 'input',
        codec: 'float32',
        parts: [new Uint8Array(4)],
        work: { decode: 'none', decodeMs: 0, tailMs: 1 },
        timeLeftMs: patienceMs,
        returnMs: 0,
        signal,
        outputShapes: [[1]],
        onFrame: () => undefined,
        onArrived,
      })
    return { workers, ask, pass: (ms: number) => (nowMs += ms) }
  }

  test('a receipt tells that nobody subscribes, and a frame for nobody fails', async () => {
    const broker = await brokerOf()
    const [sender, reader] = [await sessionOf(broker, 'a'), await sessionOf(broker, 'b')]
    const options = { qos: 1, timeoutMs: patienceMs } as const
    const receipts: PublishReceipt[] = []
    sender.onAck((receipt) => receipts.push(receipt))
    expect(await sender.publish('t', '1', options)).toMatchObject({ isUnmatched: true })
    const frame = { expiryMs: patienceMs, timeoutMs: patienceMs, chunkBytes: 25_000 }
    const send = () => sendFrame(sender, 't', new Uint8Array(16), new Uint8Array(100_000), frame)
    await expect(send()).rejects.toMatchObject({ code: 'unmatched' })
    await reader.subscribe('t', () => undefined)
    expect(await sender.publish('t', '2', options)).toMatchObject({ isUnmatched: false })
    await send()
    // The link is measured by them all the same.
    expect(receipts.map(({ isUnmatched }) => isUnmatched)).toEqual([
      // A message, and a frame of four chunks.
      ...Array.from({ length: 5 }, () => true),
      ...Array.from({ length: 5 }, () => false),
    ])
  })

  test('a worker that is announced and does not read is a failed one at once', async () => {
    const session = await sessionOf(await brokerOf(), 'agent')
    const { workers, ask } = await exchangeOf(session)
    const failure = { code: 'worker-failed', message: 'Worker w does not read its requests' }
    for (const trust of ['doubted', 'resting']) {
      await expect(ask(new AbortController().signal)).rejects.toMatchObject(failure)
      expect(workers.snapshot()[0]!.trust.kind).toBe(trust)
    }
  })

  test('a broker that retains nothing is told what is to be said all the same', async () => {
    const broker = await brokerOf({ config: ['retain_available false'] })
    const reader = await sessionOf(broker, 'reader')
    const heard: string[] = []
    let wake = () => {}
    await reader.subscribe('state', ({ payload }) => {
      heard.push(Buffer.from(payload).toString())
      wake()
    })
    const message = (payload: string) => ({ topic: 'state', payload, retain: true })
    const agent = new MqttSession({
      url: broker.url,
      clientId: 'agent',
      backoff: { minMs: 5, maxMs: 20 },
      will: message('offline'),
      onlineMessage: message('online'),
      offlineMessage: message('stopped'),
    })
    agent.start()
    await agent.whenOnline()
    await agent.publish('state', 'serving', { qos: 1, retain: true, timeoutMs: patienceMs })
    await agent.stop()
    while (heard.length < 3) await new Promise<void>((resolve) => (wake = resolve))
    expect(heard).toEqual(['online', 'serving', 'stopped'])
  })

  test('two clients of one id are told what they do to each other', async () => {
    const broker = await brokerOf()
    const two = [await sessionOf(broker, 'pi'), await sessionOf(broker, 'pi')]
    await Promise.race(
      two.map(
        (session) =>
          new Promise<void>((resolve) =>
            session.onState((state) => {
              if (state.kind === 'offline' && state.reason.includes('another client')) resolve()
            }),
          ),
      ),
    )
    expect(logged).toContainEqual({
      message: 'no connection to the broker',
      fields: expect.objectContaining({ reason: expect.stringContaining('another client uses this id') }),
    })
  })

  test.for([
    { version: 'mqttv311', carries: false },
    { version: 'mqttv50', carries: true },
  ])('over a bridge of $version properties are carried: $carries', async ({ version, carries }) => {
    const far = await brokerOf()
    const near = await brokerOf({
      config: [
        'connection far',
        `address 127.0.0.1:${far.port}`,
        `bridge_protocol_version ${version}`,
        'topic surgeon/# both 1',
      ],
    })
    const [agent, worker] = [await sessionOf(near, 'agent'), await sessionOf(far, 'worker')]
    const properties: boolean[] = []
    const heard = new Set<() => void>()
    await worker.subscribe(workerTopic('w', 'request'), ({ correlationData }) => {
      properties.push(isRequestId(correlationData))
      for (const resolve of heard) resolve()
    })
    const { ask, pass } = await exchangeOf(agent)
    for (let n = 0; n < 6; n++) {
      const abort = new AbortController()
      const arrived = new Promise<void>((resolve) => {
        // Until the bridge stands the far broker does not see them.
        ask(abort.signal, resolve).catch(() => undefined)
      })
      await arrived
      pass(2000)
      abort.abort(new Error('enough'))
    }
    if (properties.length === 0) await new Promise<void>((resolve) => heard.add(resolve))
    expect(new Set(properties)).toEqual(new Set([carries]))
    expect(logged).toContainEqual({
      message: 'requests to a worker are acknowledged and none is answered',
      fields: expect.objectContaining({ worker: 'w', hint: expect.stringContaining('mqttv50') }),
    })
  })
})
