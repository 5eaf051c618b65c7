import { measuredEdge } from '../../api/measured-edge.ts'
import { planMix } from '../../api/plan-mix.ts'
import { profilePath, readProfile } from '../../src/latency-model/profile-store.ts'
import { WorkerBelief } from '../../src/latency-model/worker-belief.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import type { Log } from '../../src/telemetry/log.ts'
import { parseAnnouncement } from '../../src/transport/announcement.ts'
import { downlinkBps, oneWayDelayMs, type Scenario } from './scenario.ts'
import { demoModel, type Stage, stateOf } from './stage.ts'

/** As the agents of the demo. */
const engine = 'onnxruntime'
const inputCodecs = ['received']

/**
 * The most answers a second that any mix of the agent's plans can give in each phase of the scenario, were the link known
 * exactly, both sides as fast as they measured themselves when idle, and pictures decoded in no time.
 */
export async function phaseBounds(stage: Stage, scenario: Scenario, log: Log): Promise<number[]> {
  const { announcement, frames } = stage
  const stateDirectory = stateOf(stage)
  const frameBytes = frames.reduce((sum, { bytes }) => sum + bytes.length, 0) / frames.length
  const { hash } = await loadModel(demoModel)
  const profile = await readProfile(profilePath(stateDirectory, hash, engine))
  const announced = parseAnnouncement(announcement)?.models.find((model) => model.hash === hash)
  if (profile === undefined || announced === undefined)
    throw new Error('Cannot bound the demo: agent and worker must have measured themselves')
  const choice = { model: demoModel, engine, threads: 1, stateDirectory, inputCodecs } as const
  const { model, chain, codecs } = await measuredEdge(choice, log, profile)
  const setup = {
    graph: model.graph,
    chain,
    profile,
    policy: 'surgeon',
    codecs,
    resume: 'at-once',
  } as const
  const tailMs = new Map(announced.wounds.map((wound): [string, number] => [wound.id, wound.tailMs]))
  const worker = new WorkerBelief('pool-1', { tailMs, pictureMs: announced.pictureMs, queueMs: 0 })
  const known = { downlinkBps, roundTripMs: 2 * oneWayDelayMs, backlogBytes: 0, relativeDeviation: 0 }
  return scenario.steps.map(({ uplinkBps }) => {
    const link = uplinkBps === 0 ? { kind: 'unknown' as const } : { kind: 'up' as const, uplinkBps, ...known }
    const beliefs = {
      nowMs: 0,
      link,
      edge: { factor: 1, waitMs: 0, inputMs: 0, inputs: new Map<string, never>() },
      workers: [worker.snapshot(0)],
      promisedBytes: 0,
    }
    const { fluidBoundPerS } = planMix(setup, beliefs, frameBytes, 1000 / scenario.framePeriodMs)
    return Math.min(fluidBoundPerS, 1000 / scenario.framePeriodMs)
  })
}
