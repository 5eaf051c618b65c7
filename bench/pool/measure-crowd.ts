import { randomBytes } from 'node:crypto'
import { freePort } from '../../lab/free-port.ts'
import { patienceMs } from '../../lab/patience.ts'
import { ProcessGroup } from '../../lab/process-group.ts'
import type { SurgeonProcess } from '../../lab/surgeon-process.ts'
import { deferred } from '../../src/async/deferred.ts'
import { featureCodec } from '../../src/codec/feature-codecs.ts'
import { elementCount } from '../../src/tensor/element-count.ts'
import { parseAnnouncement } from '../../src/transport/announcement.ts'
import { encodeFrame } from '../../src/transport/frame.ts'
import { modelDigits } from '../../src/transport/frame-content.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { deviceTopic, everyWorkerTopic, workerTopic } from '../../src/transport/topics.ts'
import { CrowdAgent } from './crowd-agent.ts'
import { type CrowdAnswers, CrowdLoad } from './crowd-load.ts'
import { type CrowdCost, CrowdMeter } from './crowd-meter.ts'
import { tinyShape, writeTinyModel } from './tiny-model.ts'

export interface CrowdOptions {
  /** Simulated, each with a connection of its own. */
  readonly agents: number
  readonly workers: number
  /** Requests a second of all together. */
  readonly ratePerS: number
  /** Before, uncounted, at a rate that rises. */
  readonly warmUpSeconds: number
  readonly seconds: number
  /** Of a broker that runs; the embedded one in a process of its own where absent. */
  readonly brokerUrl: string | undefined
}

export interface Crowd extends CrowdAnswers {
  readonly agents: number
  readonly workers: number
  /** Absent where there is no /proc. */
  readonly cost?: CrowdCost
}

const timeLimitMs = 30_000

/** A pool under many agents that compute nothing and ask in turn, the workers in turn as well. */
export async function measureCrowd(options: CrowdOptions): Promise<Crowd> {
  const { agents: count, ratePerS, warmUpSeconds, seconds } = options
  const group = await ProcessGroup.open('crowd')
  // A prefix of its own, as the broker may be in use.
  const prefix = `bench-${randomBytes(4).toString('hex')}`
  const port = await freePort()
  const url = options.brokerUrl ?? `mqtt://127.0.0.1:${port}`
  const observer = new MqttSession({
    url,
    clientId: `${prefix}-observer`,
    backoff: { minMs: 20, maxMs: 200 },
  })
  const agents: CrowdAgent[] = []
  try {
    if (options.brokerUrl === undefined)
      await group.launch('broker', { port, maximumConnections: count + options.workers + 10 })
    observer.start()
    // Loopback: who is not connected by then is refused.
    await observer.whenOnline(AbortSignal.timeout(patienceMs))
    const { workers, modelHash } = await startWorkers(group, observer, prefix, options.workers)
    const topics = workers.map((_, i) => workerTopic(`w${i}`, 'request', prefix))
    const load = new CrowdLoad(tinyRequest(modelHash), topics)
    for (let i = 0; i < count; i++) {
      const replyTopic = deviceTopic(`a${i}`, 'reply', prefix)
      agents.push(await CrowdAgent.connect(url, `${prefix}-a${i}`, replyTopic, load.onReply))
    }
    await load.run(agents, ratePerS, warmUpSeconds, true)
    const meter = await CrowdMeter.begin(workers)
    const answers = await load.run(agents, ratePerS, seconds)
    const cost = await meter?.cost(answers.sent)
    return { agents: count, workers: options.workers, ...answers, ...(cost !== undefined && { cost }) }
  } finally {
    for (const agent of agents) agent.stop()
    await observer.stop()
    await group.stop()
  }
}

/** Resolves once all have announced the model. */
async function startWorkers(
  group: ProcessGroup,
  observer: MqttSession,
  topicPrefix: string,
  count: number,
): Promise<{ workers: SurgeonProcess[]; modelHash: string }> {
  const announced = deferred<string>()
  const seen = new Set<string>()
  await observer.subscribe(everyWorkerTopic('state', topicPrefix), ({ topic, payload }) => {
    const [model] = parseAnnouncement(payload)?.models ?? []
    if (model === undefined) return
    seen.add(topic)
    if (seen.size === count) announced.resolve(model.hash)
  })
  const models = [await writeTinyModel(group.directory)]
  // A call of next to nothing costs its way to the inference thread and back, whoever shares it.
  const limits = { batch: 16 }
  const common = { topicPrefix, mqtt: { url: observer.url }, models, stateDirectory: group.directory, limits }
  const workers: SurgeonProcess[] = []
  for (let i = 0; i < count; i++) workers.push(await group.launch('worker', { ...common, worker: `w${i}` }))
  const modelHash = await Promise.race([announced.promise, ...workers.map(({ ended }) => ended)])
  return { workers, modelHash }
}

function tinyRequest(modelHash: string): Uint8Array {
  const data = new Float32Array(elementCount(tinyShape))
  return encodeFrame({
    kind: 'request',
    model: modelHash.slice(0, modelDigits),
    wound: 'input',
    codec: 'float32',
    timeLeftMs: timeLimitMs,
    parts: [featureCodec('float32').encode({ shape: [...tinyShape], data })],
  })
}
