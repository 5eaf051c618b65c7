import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { connectAsync, type MqttClient } from 'mqtt'
import { median, quantile } from 'simple-statistics'
import { freePort } from '../../lab/free-port.ts'
import { patienceMs } from '../../lab/patience.ts'
import { ProcessGroup } from '../../lab/process-group.ts'
import { deferred } from '../../src/async/deferred.ts'
import { ChunkAssembler } from '../../src/transport/chunk-assembler.ts'
import { decodeFrame, encodeFrame } from '../../src/transport/frame.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { sendFrame } from '../../src/transport/transfer.ts'
import { type EchoSetup, echoTopics, timeLimitMs } from './echo-protocol.ts'

export interface TransportOptions {
  /** Of what crosses and comes back. */
  readonly sizes: readonly number[]
  readonly rounds: number
  /** Of a broker that runs; the embedded one in a process of its own where absent. */
  readonly brokerUrl: string | undefined
}

export interface TransportRow {
  readonly bytes: number
  readonly medianMs: number
  readonly p95Ms: number
  /** The same bytes in one message of MQTT.js. */
  readonly plainMedianMs: number
  /** Median of the rounds' ratios. */
  readonly ratio: number
}

const warmUps = 50

/**
 * There and back between two event loops over a broker, with nothing computed: a request's frame and its result, and the
 * same bytes as MQTT.js alone would carry them, in turn.
 */
export async function measureTransport({
  sizes,
  rounds,
  brokerUrl,
}: TransportOptions): Promise<TransportRow[]> {
  const group = await ProcessGroup.open('transport')
  const prefix = `bench-${randomBytes(4).toString('hex')}`
  const port = await freePort()
  if (brokerUrl === undefined) await group.launch('broker', { port })
  const url = brokerUrl ?? `mqtt://127.0.0.1:${port}`
  const session = new MqttSession({ url, clientId: `${prefix}-agent`, backoff: { minMs: 20, maxMs: 200 } })
  let echo: Worker | undefined
  let plain: MqttClient | undefined
  try {
    session.start()
    await session.whenOnline(AbortSignal.timeout(patienceMs))
    const workerData: EchoSetup = { url, prefix }
    echo = new Worker(new URL('./echo-thread.js', import.meta.url), { workerData })
    await once(echo, 'message')
    plain = await connectAsync(url, { protocolVersion: 5, clientId: `${prefix}-plain` })
    if ('setNoDelay' in plain.stream && typeof plain.stream.setNoDelay === 'function')
      plain.stream.setNoDelay(true)
    const ours = await framesOver(session, prefix)
    const theirs = await messagesOver(plain, prefix)
    const rows: TransportRow[] = []
    for (const bytes of sizes) rows.push(await compare(randomBytes(bytes), rounds, ours, theirs))
    return rows
  } finally {
    echo?.postMessage('stop')
    if (echo !== undefined) await once(echo, 'exit')
    await plain?.endAsync()
    await session.stop()
    await group.stop()
  }
}

/** Sends bytes and resolves when they are back. */
type RoundTrip = (bytes: Uint8Array) => Promise<void>

async function framesOver(session: MqttSession, prefix: string): Promise<RoundTrip> {
  const topics = echoTopics(prefix)
  const assembler = new ChunkAssembler()
  const waiting = new Map<string, () => void>()
  await session.subscribe(topics.reply, ({ correlationData, payload }) => {
    const key = Buffer.from(correlationData!).toString('hex')
    const bytes = assembler.accept(key, payload, performance.now())
    if (bytes === undefined) return
    decodeFrame(bytes)
    waiting.get(key)?.()
    waiting.delete(key)
  })
  const head = { kind: 'request', model: '0'.repeat(16), wound: 'input', codec: 'uint8' } as const
  return async (bytes) => {
    const correlation = randomBytes(8)
    const { promise, resolve } = deferred<void>()
    waiting.set(correlation.toString('hex'), resolve)
    const frame = encodeFrame({ ...head, timeLeftMs: timeLimitMs, parts: [bytes] })
    const limits = { expiryMs: timeLimitMs, timeoutMs: timeLimitMs, responseTopic: topics.reply }
    await Promise.all([sendFrame(session, topics.request, correlation, frame, limits), promise])
  }
}

async function messagesOver(client: MqttClient, prefix: string): Promise<RoundTrip> {
  const topics = echoTopics(prefix)
  let resolve: () => void = () => undefined
  client.on('message', () => resolve())
  await client.subscribeAsync(topics.plainBack, { qos: 1 })
  return async (bytes) => {
    const back = deferred<void>()
    resolve = () => back.resolve()
    await Promise.all([client.publishAsync(topics.plain, Buffer.from(bytes), { qos: 1 }), back.promise])
  }
}

async function compare(
  bytes: Uint8Array,
  rounds: number,
  ours: RoundTrip,
  theirs: RoundTrip,
): Promise<TransportRow> {
  const times: { ours: number; theirs: number }[] = []
  for (let n = 0; n < warmUps + rounds; n++) {
    const pair = { ours: await timed(ours, bytes), theirs: await timed(theirs, bytes) }
    if (n >= warmUps) times.push(pair)
  }
  const own = times.map((pair) => pair.ours)
  return {
    bytes: bytes.length,
    medianMs: median(own),
    p95Ms: quantile(own, 0.95),
    plainMedianMs: median(times.map((pair) => pair.theirs)),
    ratio: median(times.map((pair) => pair.ours / pair.theirs)),
  }
}

async function timed(roundTrip: RoundTrip, bytes: Uint8Array): Promise<number> {
  const beginMs = performance.now()
  await roundTrip(bytes)
  return performance.now() - beginMs
}
