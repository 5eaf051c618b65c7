import { describe, expect, it } from 'vitest'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import type { PublishReceipt } from '../../src/transport/publishing.ts'
import { startBroker } from '../brokers/start-broker.ts'
import { inboxOf, onlineSession, proxyOf, running, text, within } from './session-setup.ts'

const isMosquitto = process.env['SURGEON_TEST_BROKER'] === 'mosquitto'

it.each([1, 123_456.7, 1_000_003, 1e12])('a chunk is whole bytes at an uplink of %d bits a second', (bps) => {
  const session = new MqttSession({ url: 'mqtt://127.0.0.1:1', clientId: 'slow', uplinkBps: () => bps })
  expect(Number.isInteger(session.chunkBytes())).toBe(true)
})

describe('MqttSession', () => {
  it('carries payload and properties, and keeps 20 rapid messages in order', async () => {
    const { url } = await running(startBroker())
    const [a, b] = await Promise.all([onlineSession(url, 'a'), onlineSession(url, 'b')])
    const next = await inboxOf(b, 'x/+')
    const correlationData = Uint8Array.from({ length: 16 }, (_, i) => i * 16)
    const payload = Uint8Array.from([0, 255, 1])
    const receipt = await a.publish('x/1', payload, {
      ...within,
      correlationData,
      responseTopic: 'r/ü',
      expirySeconds: 9,
    })
    expect(receipt).toMatchObject({ bytes: 3, inFlightBytes: 3 })
    expect(Math.min(receipt.waitMs, receipt.ackMs)).toBeGreaterThanOrEqual(0)
    const message = await next()
    expect(message).toMatchObject({ topic: 'x/1', responseTopic: 'r/ü', retain: false })
    expect(message.expirySeconds).toBeGreaterThanOrEqual(8)
    expect([...message.payload, ...message.correlationData!]).toEqual([...payload, ...correlationData])
    const list = Array.from({ length: 20 }, (_, i) => `${i}`)
    const receipts = Promise.all(
      list.map((word, i) => a.publish('x/2', word, { ...within, qos: (i % 2) as 0 | 1 })),
    )
    const received: string[] = []
    for (const _ of list) received.push(text(await next()))
    // Only messages of one quality of service keep their order (MQTT 5, 4.6).
    for (const qos of [0, 1]) {
      const ofQos = (words: readonly string[]) => words.filter((word) => Number(word) % 2 === qos)
      expect(ofQos(received)).toEqual(ofQos(list))
    }
    await receipts
    expect(a.inFlight()).toEqual({ bytes: 0, oldestBytes: undefined, oldestSentAtMs: undefined })
  })

  it('keeps the bytes in flight within the window, first in, first out', async () => {
    const broker = await running(startBroker())
    const proxy = await proxyOf(broker.port)
    const session = await onlineSession(proxy.url, 'a', { maxInFlightBytes: 1000 })
    const acks: PublishReceipt[] = []
    session.onAck((receipt) => acks.push(receipt))
    proxy.hold(true)
    const sizes = [400, 500, 200, 50, 3000, 10]
    const order: number[] = []
    const results = sizes.map((size, i) =>
      session.publish('x', new Uint8Array(size), { ...within, onSent: () => order.push(i) }),
    )
    // Synchronously sent: 400 + 500; the 200 would exceed, and the 50 does not overtake it.
    expect(order).toEqual([0, 1])
    expect(session.inFlight().bytes).toBe(900)
    expect(session.inFlight().oldestSentAtMs).toBeGreaterThan(0)
    const abort = new AbortController()
    const dropped = session.publish('x', 'gone', { ...within, signal: abort.signal })
    abort.abort()
    await expect(dropped).rejects.toMatchObject({ code: 'aborted' })
    const late = session.publish('x', 'late', { qos: 1, timeoutMs: 1 })
    await expect(late).rejects.toMatchObject({ code: 'timeout' })
    proxy.hold(false)
    const receipts = await Promise.all(results)
    expect(order).toEqual([0, 1, 2, 3, 4, 5])
    expect(receipts.map(({ bytes }) => bytes)).toEqual(sizes)
    // The 3000 are more than the window: they went alone.
    expect(receipts[4]!.inFlightBytes).toBe(3000)
    expect(receipts.every(({ bytes, inFlightBytes }) => inFlightBytes <= Math.max(1000, bytes))).toBe(true)
    expect(acks).toEqual(receipts)
  })

  it('counts what a caller gave up until it is acknowledged', async () => {
    const broker = await running(startBroker())
    const proxy = await proxyOf(broker.port)
    const session = await onlineSession(proxy.url, 'a')
    const acked = new Promise<PublishReceipt>((resolve) => session.onAck(resolve))
    proxy.hold(true)
    const abort = new AbortController()
    const given = session.publish('x', new Uint8Array(70), { ...within, signal: abort.signal })
    abort.abort()
    await expect(given).rejects.toMatchObject({ code: 'aborted' })
    expect(session.inFlight().bytes).toBe(70)
    proxy.hold(false)
    expect(await acked).toMatchObject({ bytes: 70, inFlightBytes: 70 })
    expect(session.inFlight().bytes).toBe(0)
  })

  it('refuses what the broker would not take, and sends what just fits', async () => {
    const { url } = await running(startBroker({ maximumPacketBytes: 1024 }))
    const session = await onlineSession(url, 'a')
    const next = await inboxOf(session, 'x')
    // Less what an alias of the topic would take, where the broker grants them.
    const limit = isMosquitto ? 1019 : 1024
    expect(session.state).toMatchObject({ kind: 'online', maximumPacketSize: limit })
    const options = { ...within, correlationData: new Uint8Array(16), responseTopic: 'r', expirySeconds: 60 }
    // 3 fixed header + 3 topic + 2 packet id + 1 + 19 + 4 + 5 properties.
    const most = limit - 37
    await expect(session.publish('x', new Uint8Array(most + 1), options)).rejects.toMatchObject({
      code: 'too-large',
    })
    await session.publish('x', new Uint8Array(most), options)
    expect((await next()).payload.length).toBe(most)
    for (const bad of [
      { expirySeconds: 0.5 },
      { responseTopic: 'a/#' },
      { correlationData: new Uint8Array(65_536) },
    ]) {
      await expect(session.publish('x', '', { ...within, ...bad })).rejects.toThrow(RangeError)
    }
    await expect(session.publish('x/#', '', within)).rejects.toThrow(/wildcards/)
    expect(session.state.kind).toBe('online')
  })

  it('outlives handlers and listeners that fail, and ends subscriptions', async () => {
    const { url } = await running(startBroker())
    const logged: string[] = []
    const session = await onlineSession(url, 'a', {
      log: (level, message) => level === 'error' && logged.push(message),
    })
    session.onAck(() => {
      throw new Error('listener')
    })
    await session.subscribe('x', () => {
      throw new Error('handler')
    })
    await session.subscribe('x', () => Promise.reject(new Error('handler')))
    const next = await inboxOf(session, 'x')
    await session.publish('x', '1', within)
    expect(text(await next())).toBe('1')
    const heard: string[] = []
    const end = await session.subscribe('y', (message) => heard.push(text(message)))
    await session.publish('y', 'one', within)
    await session.publish('x', '2', within)
    await next()
    await end()
    await end()
    await session.publish('y', 'two', within)
    await session.publish('x', '3', within)
    await next()
    expect(heard).toEqual(['one'])
    expect(logged.filter((message) => message === 'a message handler failed')).toHaveLength(6)
    expect(logged).toContain('a session listener failed')
    await expect(session.subscribe('a/#/b', () => {})).rejects.toThrow(RangeError)
  })
})

describe('MqttSession.traffic', () => {
  it('counts what crosses; topics are sent once where the broker grants aliases', async ({ skip }) => {
    skip(!isMosquitto, 'the embedded broker grants no aliases')
    const broker = await running(startBroker())
    const sender = await onlineSession(broker.url, 'a')
    const receiver = await onlineSession(broker.url, 'b')
    const topic = `surgeon/worker/${'w'.repeat(60)}/request`
    const inbox = await inboxOf(receiver, topic)
    await sender.publish(topic, 'x', within)
    await inbox()
    const before = [sender.traffic(), receiver.traffic()] as const
    for (let i = 0; i < 20; i++) {
      await sender.publish(topic, 'x'.repeat(100), within)
      expect((await inbox()).topic).toBe(topic)
    }
    const sent = (sender.traffic().sentBytes - before[0].sentBytes) / 20
    const received = (receiver.traffic().receivedBytes - before[1].receivedBytes) / 20
    // Fixed header, empty topic, packet id, properties with the alias.
    expect(sent).toBeLessThanOrEqual(100 + 2 + 2 + 2 + 4)
    expect(received).toBeGreaterThanOrEqual(100 + topic.length)
    const all = sender.traffic()
    await sender.stop()
    expect(sender.traffic().sentBytes).toBeGreaterThanOrEqual(all.sentBytes)
  })
})
