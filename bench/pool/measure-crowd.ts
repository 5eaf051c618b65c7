import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { quantileSorted } from 'simple-statistics'
import { freePort } from '../../lab/free-port.ts'
import { ProcessGroup } from '../../lab/process-group.ts'
import type { SurgeonProcess } from '../../lab/surgeon-process.ts'
import { deferred } from '../../src/async/deferred.ts'
import { featureCodec } from '../../src/codec/feature-codecs.ts'
import { parseAnnouncement } from '../../src/transport/announcement.ts'
import { ChunkAssembler } from '../../src/transport/chunk-assembler.ts'
import { decodeFrame, encodeFrame, modelDigits } from '../../src/transport/frame.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { deviceTopic, everyWorkerTopic, workerTopic } from '../../src/transport/topics.ts'
import { sendFrame } from '../../src/transport/transfer.ts'
import { tinyShape, writeTinyModel } from './tiny-model.ts'

export interface CrowdOptions {
  /** Simulated, each with a connection of its own. */
  readonly agents: number
  readonly workers: number
  /** Requests a second of all together. */
  readonly ratePerS: number
  readonly seconds: number
  /** Of a broker that runs; the embedded one in a process of its own where absent. */
  readonly brokerUrl: string | undefined
}

export interface Crowd {
  readonly agents: number
  readonly workers: number
  readonly offeredPerS: number
  /** Results only. */
  readonly answeredPerS: number
  readonly sent: number
  readonly results: number
  /** By failure code. */
  readonly failures: Readonly<Record<string, number>>
  /** Neither answered nor refused. */
  readonly lost: number
  readonly duplicates: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Resident memory of the workers together, before and after; absent where there is no /proc. */
  readonly memoryMb?: readonly [before: number, after: number]
}

const patienceMs = 10_000
const timeLimitMs = 30_000

/** A pool under many agents that compute nothing and ask in turn, the workers in turn as well. */
export async function measureCrowd(options: CrowdOptions): Promise<Crowd> {
  const group = await ProcessGroup.open('crowd')
  const sessions: MqttSession[] = []
  const connect = async (clientId: string, url: string) => {
    const session = new MqttSession({ url, clientId, backoff: { minMs: 20, maxMs: 200 } })
    sessions.push(session)
    session.start()
    // Loopback: who is not connected by then is refused.
    await session.whenOnline(AbortSignal.timeout(patienceMs))
    return session
  }
  try {
    const port = await freePort()
    if (options.brokerUrl === undefined)
      await group.launch('broker', { port, maximumConnections: options.agents + options.workers + 10 })
    const url = options.brokerUrl ?? `mqtt://127.0.0.1:${port}`
    // A prefix of its own, as the broker may be in use.
    const prefix = `bench-${randomBytes(4).toString('hex')}`
    const model = await writeTinyModel(group.directory)
    const observer = await connect(`${prefix}-observer`, url)
    const announced = announcements(observer, prefix, options.workers)
    const workers: SurgeonProcess[] = []
    for (let i = 0; i < options.workers; i++) {
      const config = {
        worker: `w${i}`,
        topicPrefix: prefix,
        mqtt: { url },
        models: [model],
        stateDirectory: group.directory,
      }
      workers.push(await group.launch('worker', config))
    }
    const modelHash = await Promise.race([announced, ...workers.map(({ ended }) => ended)])
    const agents: MqttSession[] = []
    for (let i = 0; i < options.agents; i++) agents.push(await connect(`${prefix}-a${i}`, url))
    const before = await residentMb(workers)
    const asked = await ask(agents, modelHash, prefix, options)
    const after = await residentMb(workers)
    return {
      agents: options.agents,
      workers: options.workers,
      ...asked,
      ...(before !== undefined && after !== undefined && { memoryMb: [before, after] as const }),
    }
  } finally {
    await Promise.all(sessions.map((session) => session.stop()))
    await group.stop()
  }
}

/** Resolves with the model's hash once all workers have announced it. */
async function announcements(session: MqttSession, prefix: string, workers: number): Promise<string> {
  const { promise, resolve } = deferred<string>()
  const seen = new Set<string>()
  await session.subscribe(everyWorkerTopic('state', prefix), ({ topic, payload }) => {
    const [model] = parseAnnouncement(payload)?.models ?? []
    if (model === undefined) return
    seen.add(topic)
    if (seen.size === workers) resolve(model.hash)
  })
  return promise
}

async function ask(
  agents: readonly MqttSession[],
  modelHash: string,
  prefix: string,
  { workers, ratePerS, seconds }: CrowdOptions,
): Promise<Omit<Crowd, 'agents' | 'workers' | 'memoryMb'>> {
  const sentAtMs = new Map<string, number>()
  const latencies: number[] = []
  const failures: Record<string, number> = {}
  const assembler = new ChunkAssembler()
  let duplicates = 0
  const replyTopic = (agent: number) => deviceTopic(`a${agent}`, 'reply', prefix)
  for (const [i, session] of agents.entries()) {
    await session.subscribe(replyTopic(i), ({ correlationData, payload }) => {
      const key = Buffer.from(correlationData ?? []).toString('hex')
      const atMs = sentAtMs.get(key)
      if (atMs === undefined) {
        duplicates += 1
        return
      }
      const bytes = assembler.accept(key, payload, performance.now())
      if (bytes === undefined) return
      sentAtMs.delete(key)
      const frame = decodeFrame(bytes)
      if (frame.kind === 'failure') failures[frame.code] = (failures[frame.code] ?? 0) + 1
      else latencies.push(performance.now() - atMs)
    })
  }
  const data = new Float32Array(tinyShape[1])
  const part = featureCodec('float32').encode({ shape: [...tinyShape], data })
  const frame = encodeFrame({
    kind: 'request',
    model: modelHash.slice(0, modelDigits),
    wound: 'input',
    codec: 'float32',
    timeLeftMs: timeLimitMs,
    parts: [part],
  })
  const beginMs = performance.now()
  let sent = 0
  const sendOne = () => {
    const agent = sent % agents.length
    const key = randomBytes(16)
    sentAtMs.set(key.toString('hex'), performance.now())
    const topic = workerTopic(`w${sent % workers}`, 'request', prefix)
    sent += 1
    // What is not acknowledged counts as lost.
    sendFrame(agents[agent]!, topic, key, frame, {
      expiryMs: timeLimitMs,
      timeoutMs: timeLimitMs,
      responseTopic: replyTopic(agent),
    }).catch(() => undefined)
  }
  for (let nowMs = beginMs; nowMs < beginMs + seconds * 1000; nowMs = performance.now()) {
    const due = Math.ceil(((nowMs - beginMs) / 1000) * ratePerS) - sent
    for (let n = 0; n < due; n++) sendOne()
    await delay(2)
  }
  const sendingMs = performance.now() - beginMs
  for (let waitedMs = 0; sentAtMs.size > 0 && waitedMs < patienceMs; waitedMs += 10) await delay(10)
  const answeringMs = performance.now() - beginMs
  const sorted = latencies.toSorted((a, b) => a - b)
  const quantile = (p: number) => (sorted.length === 0 ? Number.NaN : quantileSorted(sorted, p))
  return {
    offeredPerS: (sent / sendingMs) * 1000,
    answeredPerS: (latencies.length / answeringMs) * 1000,
    sent,
    results: latencies.length,
    failures,
    lost: sentAtMs.size,
    duplicates,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  }
}

async function residentMb(workers: readonly SurgeonProcess[]): Promise<number | undefined> {
  try {
    const all = await Promise.all(
      workers.map(async ({ pid }) => {
        const status = await readFile(`/proc/${pid}/status`, 'utf8')
        return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024
      }),
    )
    return Math.round(all.reduce((sum, mb) => sum + mb, 0))
  } catch {
    return undefined
  }
}
