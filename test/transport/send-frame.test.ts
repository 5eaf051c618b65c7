import { describe, expect, it } from 'vitest'
import { ChunkAssembler } from '../../src/transport/chunk-assembler.ts'
import type { IncomingMessage } from '../../src/transport/message.ts'
import { sendFrame } from '../../src/transport/transfer.ts'
import { startBroker } from '../brokers/start-broker.ts'
import { patienceMs } from '../patience.ts'
import { inboxOf, onlineSession, proxyOf, running, within } from './session-setup.ts'

describe('sendFrame', () => {
  it('cuts a frame for whatever the link is believed to carry', async () => {
    const broker = await running(startBroker())
    const receiver = await onlineSession(broker.url, 'b')
    const inbox = await inboxOf(receiver, 'big')
    for (const [uplinkBps, chunkBytes] of [
      [1e3, 4096],
      [777_777.7, 4797],
      [2.5e6, 15_561],
      [20e6, 50_000],
      [1e9, 131_072],
    ] as const) {
      const sender = await onlineSession(broker.url, `a${chunkBytes}`, { uplinkBps: () => uplinkBps })
      expect(sender.chunkBytes()).toBe(chunkBytes)
      const frame = new Uint8Array(2 * chunkBytes)
      const options = { expiryMs: patienceMs, timeoutMs: patienceMs }
      expect(await sendFrame(sender, 'big', new Uint8Array(16), frame, options)).toMatchObject({ chunks: 2 })
      for (const _ of [1, 2]) expect((await inbox()).payload.length).toBeLessThanOrEqual(10 + chunkBytes)
    }
  })

  it('cuts a frame for what the broker takes, whatever the link would carry', async () => {
    const broker = await running(startBroker({ maximumPacketBytes: 20_000 }))
    const inbox = await inboxOf(await onlineSession(broker.url, 'b'), 'big')
    const sender = await onlineSession(broker.url, 'a', { uplinkBps: () => 1e9 })
    const options = { expiryMs: patienceMs, timeoutMs: patienceMs, responseTopic: 'r'.repeat(200) }
    // As one packet, and as several.
    for (const bytes of [Math.floor(1.5 * sender.chunkBytes()), 100_000]) {
      const { chunks } = await sendFrame(sender, 'big', new Uint8Array(16), new Uint8Array(bytes), options)
      let received = 0
      for (let i = 0; i < chunks; i++) received += (await inbox()).payload.length
      expect(received).toBeGreaterThan(bytes)
    }
  })

  it('carries a frame of many chunks, and lets small messages through between them', async () => {
    const broker = await running(startBroker())
    const proxy = await proxyOf(broker.port)
    const link = { maxInFlightBytes: 64 * 1024, uplinkBps: () => undefined }
    const sender = await onlineSession(proxy.url, 'a', link)
    const receiver = await onlineSession(broker.url, 'b')
    const assembler = new ChunkAssembler()
    const order: string[] = []
    const whole = new Promise<{ frame: Uint8Array; message: IncomingMessage }>((resolve) => {
      void receiver.subscribe('big', (message) => {
        order.push('chunk')
        const key = Buffer.from(message.correlationData!).toString('hex')
        const frame = assembler.accept(key, message.payload, 0)
        if (frame) resolve({ frame, message })
      })
    })
    await receiver.subscribe('small', () => order.push('small'))
    const frame = Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 2654435761) >>> 13)
    proxy.hold(true)
    const sending = sendFrame(sender, 'big', new Uint8Array(16), frame, {
      expiryMs: 60_001,
      responseTopic: 'r',
      timeoutMs: patienceMs,
    })
    const small = sender.publish('small', '!', within)
    proxy.hold(false)
    const { frame: received, message } = await whole
    expect(Buffer.compare(received, frame)).toBe(0)
    expect(message.responseTopic).toBe('r')
    expect(message.expirySeconds).toBe(61)
    await small
    const receipt = await sending
    expect(receipt).toMatchObject({ chunks: 31, bytes: 1_000_000 + 31 * 10 })
    // Two chunks fill the window and one waits: the small message is the third or fourth, not the last.
    expect(order.indexOf('small')).toBeLessThanOrEqual(3)
  })

  it('does not send what has not left when it is aborted', async () => {
    const broker = await running(startBroker())
    const proxy = await proxyOf(broker.port)
    const sender = await onlineSession(proxy.url, 'a', { maxInFlightBytes: 64 * 1024 })
    const next = await inboxOf(await onlineSession(broker.url, 'b'), '#')
    proxy.hold(true)
    const abort = new AbortController()
    const options = { expiryMs: patienceMs, timeoutMs: patienceMs, signal: abort.signal }
    const sending = sendFrame(sender, 'big', new Uint8Array(16), new Uint8Array(300_000), options)
    const end = sender.publish('end', '', within)
    abort.abort()
    await expect(sending).rejects.toMatchObject({ code: 'aborted' })
    proxy.hold(false)
    const topics = [(await next()).topic]
    while (topics.at(-1) !== 'end') topics.push((await next()).topic)
    expect(topics.length - 1).toBeLessThanOrEqual(2)
    await end
    await expect(
      sendFrame(sender, 'big', new Uint8Array(16), new Uint8Array(9), options),
    ).rejects.toMatchObject({ code: 'aborted' })
    expect(sender.inFlight().bytes).toBe(0)
  })
})
