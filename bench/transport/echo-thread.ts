/**
 * The other end of `bench transport`, in a thread of its own: a worker without anything to compute, and what MQTT.js
 * alone would do.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { connectAsync } from 'mqtt'
import { ChunkAssembler } from '../../src/transport/chunk-assembler.ts'
import { decodeFrame, encodeFrame } from '../../src/transport/frame.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { sendFrame } from '../../src/transport/transfer.ts'
import { type EchoSetup, echoTopics, partOf, timeLimitMs } from './echo-protocol.ts'

const { url, prefix } = workerData as EchoSetup
const topics = echoTopics(prefix)
const session = new MqttSession({ url, clientId: `${prefix}-echo` })
const assembler = new ChunkAssembler()
session.start()
await session.whenOnline()
await session.subscribe(topics.request, async ({ correlationData, payload }) => {
  const key = Buffer.from(correlationData!).toString('hex')
  const bytes = assembler.accept(key, payload, performance.now())
  if (bytes === undefined) return
  const frame = decodeFrame(bytes)
  if (frame.kind !== 'request') return
  const times = { queueMs: 0, decodeMs: 0, elapsedMs: 0, shareMs: 0 }
  const parts = frame.parts.map(partOf)
  const result = encodeFrame({ kind: 'result', codec: 'uint8', isDamaged: false, ...times, parts })
  const limits = { expiryMs: timeLimitMs, timeoutMs: timeLimitMs }
  await sendFrame(session, topics.reply, correlationData!, result, limits)
})
const plain = await connectAsync(url, { protocolVersion: 5, clientId: `${prefix}-plain-echo` })
if ('setNoDelay' in plain.stream && typeof plain.stream.setNoDelay === 'function')
  plain.stream.setNoDelay(true)
plain.on('message', (_, payload) => plain.publish(topics.plainBack, payload, { qos: 1 }))
await plain.subscribeAsync(topics.plain, { qos: 1 })
parentPort!.once('message', () => void Promise.all([session.stop(), plain.endAsync()]))
parentPort!.postMessage('ready')
