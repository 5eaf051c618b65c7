import { randomBytes } from 'node:crypto'
import { median } from 'simple-statistics'
import type { AnswerMessage, ResultMessage } from '../../agent/request-message.ts'
import { cameraFrames, type FrameSize } from '../../lab/demo/camera.ts'
import { freePort } from '../../lab/free-port.ts'
import { patienceMs } from '../../lab/patience.ts'
import { ProcessGroup } from '../../lab/process-group.ts'
import { after, systemClock } from '../../src/async/clock.ts'
import { deferred } from '../../src/async/deferred.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { deviceTopic, everyDeviceTopic, workerTopic } from '../../src/transport/topics.ts'
import { ThreadClock, type ThreadTimes, timesBetween } from './thread-times.ts'

/** One way to answer, fixed by configuration. */
interface FixedPlan {
  readonly name: string
  readonly config: object
  /** The edge computes. */
  readonly hasEngine: boolean
}

export interface RequestsOptions {
  readonly model: string
  /** Cut at in the third plan; the codec there is the planner's choice. */
  readonly wound: string
  readonly size: FrameSize
  /** Rounds of `perRound` requests of each plan, the plans in turn. */
  readonly rounds: number
  readonly perRound: number
  /** Of the closed loop that looks for the most answers a second. */
  readonly inFlight: number
  readonly brokerUrl: string | undefined
}

/** One plan; milliseconds of processor a request, medians over the rounds. */
export interface RequestsRow {
  readonly plan: string
  readonly codec: string
  readonly agent: ThreadTimes
  readonly worker: ThreadTimes
  /** All that the agent's process needs. */
  readonly edgeMs: number
  /** Over what the engine takes for the whole network in this run. */
  readonly edgeOverEngine: number
  readonly workerOverEngine: number
  readonly p50Ms: number
  /** One request at a time, and so many in flight. */
  readonly perS: number
  readonly mostPerS: number
}

export interface Requests {
  /** What the engine takes for the whole network, by the answers of the local plan. */
  readonly engineMs: number
  readonly rows: readonly RequestsRow[]
}

/** What requests cost in processor time, by plan and thread: a worker and an agent for each plan, as in production. */
export async function measureRequests(options: RequestsOptions): Promise<Requests> {
  const group = await ProcessGroup.open('requests')
  const prefix = `bench-${randomBytes(4).toString('hex')}`
  const port = await freePort()
  if (options.brokerUrl === undefined) await group.launch('broker', { port })
  const url = options.brokerUrl ?? `mqtt://127.0.0.1:${port}`
  const session = new MqttSession({
    url,
    clientId: `${prefix}-camera`,
    maxInFlightBytes: 4 << 20,
    backoff: { minMs: 20, maxMs: 200 },
  })
  try {
    session.start()
    await session.whenOnline(AbortSignal.timeout(patienceMs))
    const camera = new Camera(session, prefix)
    await camera.start()
    const common = { topicPrefix: prefix, mqtt: { url }, stateDirectory: group.directory }
    const worker = await group.launch('worker', { ...common, worker: 'pool', models: [options.model] })
    await Promise.race([
      camera.seen(workerTopic('pool', 'state', prefix), (text) => text !== ''),
      worker.ended,
    ])
    const workerClock = new ThreadClock(worker.pid, true)
    const frames = (await cameraFrames(50, undefined, options.size)).map(({ bytes }) => bytes)
    const measured: MeasuredPlan[] = []
    for (const plan of fixedPlans(options)) {
      const agent = await group.launch('agent', {
        ...common,
        device: plan.name,
        model: options.model,
        dashboard: false,
        ...plan.config,
      })
      const online = camera.seen(deviceTopic(plan.name, 'state', prefix), (text) => text.includes('online'))
      await Promise.race([online, agent.ended])
      const clocks = { agent: new ThreadClock(agent.pid, plan.hasEngine), worker: workerClock }
      measured.push(new MeasuredPlan(plan.name, camera, frames, clocks))
    }
    for (const plan of measured) await plan.warmUp()
    for (let round = 0; round < options.rounds; round++)
      for (const plan of measured) await plan.round(options.perRound)
    for (const plan of measured) await plan.flood(options.inFlight, 3 * options.perRound)
    const engineMs = median(measured[0]!.engineMs)
    return { engineMs, rows: measured.map((plan) => plan.row(engineMs)) }
  } finally {
    await session.stop()
    await group.stop()
  }
}

/** The local plan first. */
function fixedPlans({ wound }: RequestsOptions): FixedPlan[] {
  return [
    { name: 'local', config: { policy: 'local' }, hasEngine: true },
    { name: 'received', config: { policy: 'input', inputCodecs: ['received'] }, hasEngine: false },
    // The smallest codecs that calibration allows, and no plain ones, which a link this fast would have instead.
    { name: 'features', config: { wound, featureCodecs: [] }, hasEngine: true },
  ]
}

/** Asks agents, each answer awaited by its correlation data. */
class Camera {
  private readonly session: MqttSession
  private readonly prefix: string
  private readonly waiting = new Map<string, (result: ResultMessage) => void>()

  constructor(session: MqttSession, prefix: string) {
    this.session = session
    this.prefix = prefix
  }

  async start(): Promise<void> {
    await this.session.subscribe(everyDeviceTopic('result', this.prefix), ({ payload }) => {
      const result = JSON.parse(Buffer.from(payload).toString()) as ResultMessage
      this.waiting.get(result.id)?.(result)
      this.waiting.delete(result.id)
    })
  }

  /** Resolves with the first message on a topic that satisfies the condition. */
  async seen(topic: string, isWanted: (text: string) => boolean): Promise<void> {
    const { promise, resolve } = deferred<void>()
    const end = await this.session.subscribe(topic, ({ payload }) => {
      if (isWanted(Buffer.from(payload).toString())) resolve()
    })
    await inTime(promise, topic)
    await end()
  }

  /** @throws {Error} for what is answered by an error. */
  async ask(device: string, input: Uint8Array): Promise<AnswerMessage> {
    // As text, as the answer's id is then the same: some bytes are text by chance.
    const id = randomBytes(8).toString('hex')
    const { promise, resolve } = deferred<ResultMessage>()
    this.waiting.set(id, resolve)
    const topic = deviceTopic(device, 'input', this.prefix)
    await this.session.publish(topic, input, {
      qos: 1,
      timeoutMs: patienceMs,
      correlationData: Buffer.from(id),
    })
    const result = await inTime(promise, `an answer of ${device}`)
    if (!result.ok) throw new Error(`Cannot measure ${device}: ${result.error.message}`)
    return result
  }
}

async function inTime<T>(work: Promise<T>, what: string): Promise<T> {
  const over = new AbortController()
  const late = after(systemClock, patienceMs, over.signal).then(() => {
    throw new Error(`Cannot measure: ${what} did not come within ${patienceMs / 1000} s`)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    over.abort()
  }
}

const warmUps = 50

class MeasuredPlan {
  /** Of the answers so far that the edge has computed whole. */
  readonly engineMs: number[] = []
  private readonly name: string
  private readonly camera: Camera
  private readonly frames: readonly Uint8Array[]
  private readonly clocks: { readonly agent: ThreadClock; readonly worker: ThreadClock }
  private readonly agent: ThreadTimes[] = []
  private readonly worker: ThreadTimes[] = []
  private readonly latencies: number[] = []
  private readonly rates: number[] = []
  private codec = ''
  private mostPerS = 0
  private next = 0

  constructor(
    name: string,
    camera: Camera,
    frames: readonly Uint8Array[],
    clocks: { readonly agent: ThreadClock; readonly worker: ThreadClock },
  ) {
    this.name = name
    this.camera = camera
    this.frames = frames
    this.clocks = clocks
  }

  async warmUp(): Promise<void> {
    for (let i = 0; i < warmUps; i++) await this.ask()
    this.latencies.length = 0
    this.engineMs.length = 0
  }

  async round(requests: number): Promise<void> {
    const before = await this.read()
    const beginMs = performance.now()
    for (let i = 0; i < requests; i++) await this.ask()
    const ms = performance.now() - beginMs
    const after = await this.read()
    this.agent.push(each(timesBetween(before.agent, after.agent), requests))
    this.worker.push(each(timesBetween(before.worker, after.worker), requests))
    this.rates.push((1000 * requests) / ms)
  }

  /** A closed loop with several requests in flight. */
  async flood(inFlight: number, requests: number): Promise<void> {
    let left = requests
    const beginMs = performance.now()
    const lane = async () => {
      while (left-- > 0) await this.camera.ask(this.name, this.frame())
    }
    await Promise.all(Array.from({ length: inFlight }, lane))
    this.mostPerS = (1000 * requests) / (performance.now() - beginMs)
  }

  row(engineMs: number): RequestsRow {
    const [agent, worker] = [mediansOf(this.agent), mediansOf(this.worker)]
    return {
      plan: this.name,
      codec: this.codec,
      agent,
      worker,
      edgeMs: sum(agent),
      edgeOverEngine: sum(agent) / engineMs,
      workerOverEngine: sum(worker) / engineMs,
      p50Ms: median(this.latencies),
      perS: median(this.rates),
      mostPerS: this.mostPerS,
    }
  }

  private async ask(): Promise<void> {
    const beginMs = performance.now()
    const { headMs, plan } = await this.camera.ask(this.name, this.frame())
    this.latencies.push(performance.now() - beginMs)
    this.codec = plan.codec
    if (plan.wound === 'local') this.engineMs.push(headMs)
  }

  private frame(): Uint8Array {
    return this.frames[this.next++ % this.frames.length]!
  }

  private async read(): Promise<{ agent: ThreadTimes; worker: ThreadTimes }> {
    const [agent, worker] = await Promise.all([this.clocks.agent.read(), this.clocks.worker.read()])
    return { agent, worker }
  }
}

function each({ main, inference, pool }: ThreadTimes, requests: number): ThreadTimes {
  return { main: main / requests, inference: inference / requests, pool: pool / requests }
}

function mediansOf(times: readonly ThreadTimes[]): ThreadTimes {
  return {
    main: median(times.map(({ main }) => main)),
    inference: median(times.map(({ inference }) => inference)),
    pool: median(times.map(({ pool }) => pool)),
  }
}

function sum({ main, inference, pool }: ThreadTimes): number {
  return main + inference + pool
}
