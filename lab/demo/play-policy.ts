import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ResultMessage } from '../../agent/request-message.ts'
import { deferred } from '../../src/async/deferred.ts'
import { type DeviceLeaf, deviceTopic } from '../../src/transport/topics.ts'
import { createLinkEmulator } from '../link-emulator.ts'
import { runLinkSchedule } from '../link-schedule.ts'
import {
  downlinkBps,
  frameCount,
  oneWayDelayMs,
  type PolicyName,
  type Scenario,
  streamName,
  uplinkMbpsAt,
} from './scenario.ts'
import { demoModel, retained, type Stage, stateOf } from './stage.ts'
import type { Row } from './summary.ts'

/** How long after the last frame an answer may still come. */
const patienceMs = 8000

export interface Played {
  readonly rows: readonly Row[]
  readonly seconds: number
  readonly eventLoopP99Ms: number
}

/** What each policy is to the agent. */
const agentPolicy: Readonly<Record<Exclude<PolicyName, 'cut'>, object>> = {
  local: { policy: 'local' },
  jpeg: { policy: 'input', inputCodecs: ['jpeg:90'] },
  surgeon: { policy: 'surgeon', inputCodecs: ['received'] },
}

/**
 * Runs one agent behind a link of its own through the scenario; each answer is shown as it comes.
 * @param cut of the policy that always cuts there
 */
export async function playPolicy(
  stage: Stage,
  scenario: Scenario,
  policy: PolicyName,
  cut: string,
  show: (row: Row) => void,
): Promise<Played> {
  const { camera, frames, signal, brokerPort, dashboardPort, lab, broken } = stage
  const { steps, framePeriodMs } = scenario
  const count = frameCount(scenario)
  const photoOf = (frame: number) => frames[frame % frames.length]!.photo
  const device = `pi-${policy}`
  const topic = (leaf: DeviceLeaf) => deviceTopic(device, leaf)
  const link = createLinkEmulator({
    targetPort: brokerPort,
    uplink: steps[0]!.uplinkBps,
    downlink: downlinkBps,
    oneWayDelayMs,
  })
  const linkPort = await link.start()
  const agent = await stage.launch({
    device,
    mqtt: { url: `mqtt://127.0.0.1:${brokerPort}` },
    pool: { url: `mqtt://127.0.0.1:${linkPort}` },
    model: demoModel,
    stateDirectory: stateOf(stage),
    compiledCache: { directory: join(stage.directory, 'compiled') },
    dashboard: { port: dashboardPort },
    lab,
    ...scenario.agent,
    ...(policy === 'cut' ? { wound: cut } : agentPolicy[policy]),
  })
  const inputTopic = `${topic('input')}/${streamName}`
  let eventLoopP99Ms = 0
  const rows: Row[] = []
  const over = new AbortController()
  const waiting = new Map<string, { frame: number; uplinkMbps: number; sentAtMs: number }>()
  const { promise: allAnswered, resolve: onAllAnswered } = deferred<void>()
  const stopListening = [
    await camera.subscribe(topic('metrics'), (message) => {
      eventLoopP99Ms = (parse(message.payload) as { event_loop_p99_ms: number }).event_loop_p99_ms
    }),
    await camera.subscribe(`${topic('result')}/${streamName}`, (message) => {
      const result = parse(message.payload) as ResultMessage
      const sent = waiting.get(result.id)
      if (sent === undefined) return
      waiting.delete(result.id)
      const { frame, uplinkMbps, sentAtMs } = sent
      const row = {
        frame,
        uplinkMbps,
        photo: photoOf(frame),
        latencyMs: performance.now() - sentAtMs,
        result,
      }
      rows.push(row)
      show(row)
      if (rows.length === count) onAllAnswered()
    }),
  ]
  try {
    await Promise.race([retainedOnline(stage, topic('state')), agent.ended, broken])
    const beginMs = performance.now()
    const schedule = runLinkSchedule(link, steps, { signal: over.signal })
    for (let frame = 0; frame < count; frame++) {
      const dueMs = frame * framePeriodMs
      await Promise.race([
        delay(Math.max(0, beginMs + dueMs - performance.now()), undefined, { signal }),
        agent.ended,
        broken,
      ])
      const uplinkMbps = uplinkMbpsAt(scenario, dueMs)
      const { bytes } = frames[frame % frames.length]!
      const id = randomUUID()
      waiting.set(id, { frame, uplinkMbps, sentAtMs: performance.now() })
      await camera.publish(inputTopic, bytes, { qos: 1, timeoutMs: 5000, correlationData: Buffer.from(id) })
    }
    await Promise.race([allAnswered, delay(patienceMs, undefined, { signal }), agent.ended, broken])
    await schedule
    const seconds = (performance.now() - beginMs) / 1000
    for (const { frame, uplinkMbps } of waiting.values()) {
      const row = { frame, uplinkMbps, photo: photoOf(frame), latencyMs: undefined, result: undefined }
      rows.push(row)
      show(row)
    }
    return { rows, seconds, eventLoopP99Ms }
  } finally {
    over.abort()
    for (const stop of stopListening) await stop()
    await agent.stop()
    await link.stop()
  }
}

async function retainedOnline(stage: Stage, topic: string): Promise<void> {
  for (;;) {
    const state = parse(await retained(stage.camera, topic, stage.signal)) as { state: string }
    if (state.state === 'online') return
    await delay(50, undefined, { signal: stage.signal })
  }
}

function parse(payload: Uint8Array): unknown {
  return JSON.parse(Buffer.from(payload).toString('utf8'))
}
