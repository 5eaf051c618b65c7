import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { demoModel, type Stage, type StageOptions, withStage } from '../../lab/demo/stage.ts'
import type { Capacity } from '../../lab/link-capacity.ts'
import { createLinkEmulator } from '../../lab/link-emulator.ts'
import { patienceMs } from '../../lab/patience.ts'
import { deferred } from '../../src/async/deferred.ts'
import { deviceTopic } from '../../src/transport/topics.ts'
import { AskedDevice, type DeviceAccount } from './asked-device.ts'
import { BlackHoles } from './black-holes.ts'
import { type Footprint, ProcessWatch } from './process-watch.ts'

export interface LiveOptions extends Omit<StageOptions, 'pictures'> {
  readonly uplink: Capacity
  readonly downlink: Capacity
  readonly oneWayDelayMs: number
  /** Of each agent. */
  readonly ratePerS: number
  readonly seconds: number
  /** Instead of a worker one that never answers, another for each request. */
  readonly blackHole: boolean
}

export interface Live {
  readonly surgeon: DeviceAccount
  readonly local: DeviceAccount
  /** Of the surgeon's answers those later than `lateFactor` times the 99th percentile of the local ones. */
  readonly late: number
  /** Surgeon over local. */
  readonly meanRatio: number
  readonly p50Ratio: number
  /** Requests that went to a worker that never answers; absent where there was none. */
  readonly swallowed?: number
  readonly footprints: readonly Footprint[]
}

export const lateFactor = 1.05
const pictures = 120
/** Asked before, uncounted: an agent that has just started compiles, measures its link and finds its worker. */
const warmUps = 12

/** Two agents are asked the same in turn, one with a pool behind a link and one without: real processes in real time. */
export function measureLive(options: LiveOptions): Promise<Live> {
  return withStage({ ...options, pictures }, (stage) => play(stage, options))
}

async function play(stage: Stage, options: LiveOptions): Promise<Live> {
  const { brokerPort, camera, broken, announcement } = stage
  const { uplink, downlink, oneWayDelayMs, seconds, ratePerS, blackHole } = options
  const link = createLinkEmulator({ targetPort: brokerPort, uplink, downlink, oneWayDelayMs })
  const pool = { url: `mqtt://127.0.0.1:${await link.start()}` }
  // Where the true worker is not heard of.
  const holePrefix = blackHole ? 'hole' : undefined
  const holes = holePrefix === undefined ? undefined : new BlackHoles(camera, holePrefix, announcement)
  await holes?.start()
  try {
    const surgeon = await startAgent(stage, 'surgeon', { pool }, holePrefix)
    const local = await startAgent(stage, 'local', { policy: 'local' })
    const all = [surgeon, local]
    const ended = Promise.race([broken, ...all.map(({ process }) => process.ended)])
    for (let n = 0; n < warmUps; n++) await Promise.race([askInTurn(stage, all, n, 500, holes), ended])
    const devices = all.map(({ asked }) => asked)
    const settled = () => Promise.race([Promise.all(devices.map((each) => each.settle(patienceMs))), ended])
    await settled()
    for (const device of devices) device.restart()
    const swallowedBefore = holes?.requests ?? 0
    const { broker, worker } = stage.members
    const watch = new ProcessWatch({
      surgeon: surgeon.process.pid,
      local: local.process.pid,
      worker: worker.pid,
      broker: broker!.pid,
    })
    const periodMs = 1000 / ratePerS
    const beginMs = performance.now()
    for (let n = 0; n < seconds * ratePerS; n++) {
      const lateMs = performance.now() - beginMs - n * periodMs
      if (lateMs < 0) await delay(-lateMs)
      await Promise.race([askInTurn(stage, all, n, periodMs / 2, holes), ended])
    }
    await settled()
    const footprints = watch.stop()
    const [first, second] = devices.map((device) => device.account()) as [DeviceAccount, DeviceAccount]
    return {
      surgeon: first,
      local: second,
      late: devices[0]!.latenciesMs.filter((ms) => ms > lateFactor * second.p99Ms).length,
      meanRatio: first.meanMs / second.meanMs,
      p50Ratio: first.p50Ms / second.p50Ms,
      ...(holes && { swallowed: holes.requests - swallowedBefore }),
      footprints,
    }
  } finally {
    await link.stop()
  }
}

type StartedAgent = Awaited<ReturnType<typeof startAgent>>

/** One after the other, so that neither computes while the other is asked. */
async function askInTurn(
  { frames }: Stage,
  agents: readonly StartedAgent[],
  n: number,
  apartMs: number,
  holes: BlackHoles | undefined,
): Promise<void> {
  const { bytes } = frames[n % frames.length]!
  await holes?.next()
  const [first, second] = agents
  await first!.asked.ask(bytes)
  await delay(apartMs)
  await second!.asked.ask(bytes)
}

/** Resolves once it is online. */
async function startAgent(stage: Stage, name: string, config: object, prefix?: string) {
  const { camera, brokerPort, directory, lab, broken } = stage
  const online = deferred<void>()
  const end = await camera.subscribe(deviceTopic(name, 'state', prefix), ({ payload }) => {
    if (
      payload.length > 0 &&
      (JSON.parse(Buffer.from(payload).toString()) as { state: string }).state === 'online'
    )
      online.resolve()
  })
  const process = await stage.launch({
    device: name,
    mqtt: { url: `mqtt://127.0.0.1:${brokerPort}` },
    ...(prefix !== undefined && { topicPrefix: prefix }),
    model: demoModel,
    stateDirectory: join(directory, 'state'),
    compiledCache: { directory: join(directory, 'compiled') },
    dashboard: false,
    lab,
    ...config,
  })
  await Promise.race([online.promise, process.ended, broken])
  await end()
  const asked = await AskedDevice.of(camera, name, prefix)
  return { process, asked }
}
