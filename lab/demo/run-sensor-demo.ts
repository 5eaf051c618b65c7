import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { quantile } from 'simple-statistics'
import type { ResultMessage } from '../../agent/request-message.ts'
import { deferred } from '../../src/async/deferred.ts'
import { textTable } from '../../src/terminal/text-table.ts'
import { deviceTopic } from '../../src/transport/topics.ts'
import { type Activity, activities, activityWindow } from '../sensor/activities.ts'
import type { DemoOutcome } from './run-demo.ts'
import { type Pool, retained, stateOf, withPool } from './stage.ts'

/** Bundled, see `scripts/train-activity.mjs`. */
const sensorModel = 'activity'

/** Each way of answering plays the same windows. */
const plays = [
  { title: 'surgeon', policy: { policy: 'surgeon' } },
  { title: 'at the worker', policy: { policy: 'input' } },
] as const

const windowCount = 200
/** Twenty a second: a dozen sensors whose windows overlap. */
const periodMs = 50
/** How long after the last window an answer may still come. */
const patienceMs = 5000
/** Of windows that no training has seen. */
const firstSeed = 2_000_000
/** Sent first, so that cold code counts for nobody. */
const warmUps = 20

/** What one way of answering gave. */
export interface SensorPlay {
  readonly title: string
  readonly sent: number
  readonly answered: number
  /** Share of the answers that named the activity. */
  readonly right: number
  readonly finishedAtWorker: number
  /** What was not answered was answered by these errors. */
  readonly errors: readonly string[]
  /** From the message to its answer, both over the broker. */
  readonly medianMs: number
  readonly p95Ms: number
  /** What of it the agent takes, as its answers say, and as long as a message of a window's size takes over the broker. */
  readonly agentMs: { readonly median: number; readonly p95: number }
  readonly brokerMs: { readonly median: number; readonly p95: number }
}

export interface SensorDemoOptions {
  /** Of a broker that is there; one of its own where absent. */
  readonly brokerUrl?: string | undefined
  readonly print: (line: string) => void
  readonly signal: AbortSignal
}

/** A sensor sends windows of an accelerometer over a broker on this machine; an agent says what its carrier does. */
export async function runSensorDemo({ print, signal, brokerUrl }: SensorDemoOptions): Promise<DemoOutcome> {
  print(
    `A sensor sends ${windowCount} windows of 64 x 3 values, ${1000 / periodMs} a second; broker, worker and agent are processes of their own.`,
  )
  const playAll = async (pool: Pool) => {
    const all: SensorPlay[] = []
    for (const [i, { title, policy }] of plays.entries())
      all.push(await play(pool, `sensor-${i}`, title, policy, signal))
    return all
  }
  const played = await withPool(sensorModel, signal, playAll, brokerUrl)
  return { summary: { model: sensorModel, plays: played }, text: table(played), faults: faultsOf(played) }
}

interface Answered {
  readonly activity: Activity
  readonly latencyMs: number
  readonly result: ResultMessage
}

async function play(
  pool: Pool,
  device: string,
  title: string,
  policy: object,
  signal: AbortSignal,
): Promise<SensorPlay> {
  const { client, url, directory } = pool
  const agent = await pool.launch({
    device,
    mqtt: { url },
    model: sensorModel,
    stateDirectory: stateOf(pool),
    compiledCache: { directory: join(directory, 'compiled') },
    dashboard: false,
    ...policy,
  })
  const over = Promise.race([agent.ended, pool.broken])
  const online = retained(client, deviceTopic(device, 'state'), signal)
  const answers: Answered[] = []
  const waiting = new Map<string, { activity: Activity; sentAtMs: number }>()
  const { promise: all, resolve: onAll } = deferred<void>()
  const stopListening = await client.subscribe(deviceTopic(device, 'result'), ({ payload }) => {
    const result = JSON.parse(Buffer.from(payload).toString()) as ResultMessage
    const sent = waiting.get(result.id)
    if (sent === undefined) return
    waiting.delete(result.id)
    answers.push({ activity: sent.activity, latencyMs: performance.now() - sent.sentAtMs, result })
    if (answers.length === warmUps + windowCount) onAll()
  })
  const echoes: number[] = []
  const echoed = new Map<string, number>()
  const echoTopic = deviceTopic(device, 'probe')
  const stopEchoes = await client.subscribe(echoTopic, ({ correlationData }) => {
    const sentAtMs = echoed.get(Buffer.from(correlationData ?? []).toString())
    if (sentAtMs !== undefined) echoes.push(performance.now() - sentAtMs)
  })
  try {
    await Promise.race([online, over])
    const beginMs = performance.now()
    for (let n = 0; n < warmUps + windowCount; n++) {
      await Promise.race([delay(Math.max(0, beginMs + n * periodMs - performance.now())), over])
      signal.throwIfAborted()
      const activity = activities[n % activities.length]!
      const payload = JSON.stringify(activityWindow(activity, firstSeed + n))
      const id = randomUUID()
      const correlationData = Buffer.from(id)
      echoed.set(id, performance.now())
      await client.publish(echoTopic, payload, { qos: 1, timeoutMs: 5000, correlationData })
      await delay(periodMs / 2)
      waiting.set(id, { activity, sentAtMs: performance.now() })
      await client.publish(deviceTopic(device, 'input'), payload, {
        qos: 1,
        timeoutMs: 5000,
        correlationData,
      })
    }
    await Promise.race([all, delay(patienceMs, undefined, { signal }), over])
    return summarise(title, answers.slice(warmUps), echoes.slice(warmUps))
  } finally {
    await stopListening()
    await stopEchoes()
    await agent.stop()
  }
}

function summarise(title: string, answers: readonly Answered[], echoes: readonly number[]): SensorPlay {
  const good = answers.flatMap(({ result, ...rest }) => (result.ok ? [{ ...rest, result }] : []))
  const times = good.map(({ latencyMs }) => latencyMs)
  return {
    title,
    sent: windowCount,
    answered: good.length,
    right: good.filter(({ activity, result }) => result.top?.[0]?.label === activity).length / good.length,
    finishedAtWorker: good.filter(({ result }) => result.finishedAt === 'worker').length,
    errors: [...new Set(answers.flatMap(({ result }) => (result.ok ? [] : [result.error.message])))],
    medianMs: middle(times).median,
    p95Ms: middle(times).p95,
    agentMs: middle(good.map(({ result }) => result.totalMs)),
    brokerMs: middle(echoes),
  }
}

function middle(times: readonly number[]): { median: number; p95: number } {
  if (times.length === 0) return { median: Number.NaN, p95: Number.NaN }
  return { median: quantile([...times], 0.5), p95: quantile([...times], 0.95) }
}

function table(played: readonly SensorPlay[]): string {
  const rows = played.map(
    ({ title, sent, answered, right, finishedAtWorker, agentMs, brokerMs, ...times }) => [
      title,
      `${answered}/${sent}`,
      `${(100 * right).toFixed(1)} %`,
      String(finishedAtWorker),
      ...[{ median: times.medianMs, p95: times.p95Ms }, agentMs, brokerMs].map(
        ({ median, p95 }) => `${median.toFixed(1)} / ${p95.toFixed(1)}`,
      ),
    ],
  )
  const head = ['', 'answered', 'right', 'by worker', 'median / p95 ms', 'of the agent', 'broker alone']
  return textTable([head, ...rows])
}

/** Times are shown and not judged: others may use this machine. */
function faultsOf(played: readonly SensorPlay[]): string[] {
  return played.flatMap(({ title, sent, answered, right, errors }) => [
    ...(answered === sent
      ? []
      : [
          `${title}: ${sent - answered} windows were not answered: ${errors.slice(0, 2).join('; ') || 'nothing came'}`,
        ]),
    ...(right >= 0.9 ? [] : [`${title}: ${(100 * right).toFixed(0)} % right, it must be 90 at least`]),
  ])
}
