import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { headMs, type Profile, wholeMs } from '../../src/latency-model/profile.ts'
import { readProfile } from '../../src/latency-model/profile-store.ts'
import type { PooledWorker } from '../../src/latency-model/worker-belief.ts'
import { accuracyBudget, defaultMaxAccuracyLoss } from '../../src/scheduler/accuracy-budget.ts'
import type { Beliefs } from '../../src/scheduler/beliefs.ts'
import { explainPlan, findFlips } from '../../src/scheduler/explain-plan.ts'
import { planRequest } from '../../src/scheduler/planner.ts'
import { positiveNumber, readOptions } from '../../src/terminal/options.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'
import { measuredEdge } from '../measured-edge.ts'

/** Of a camera frame of 320 x 240 pixels. */
const usualInputBytes = 20_000

export async function plan(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      model: { type: 'string' },
      edge: { type: 'string' },
      backend: { type: 'string' },
      uplink: { type: 'string' },
      downlink: { type: 'string' },
      rtt: { type: 'string', default: '10' },
      'input-bytes': { type: 'string', default: String(usualInputBytes) },
      'max-accuracy-loss': { type: 'string', default: String(defaultMaxAccuracyLoss) },
      json: { type: 'boolean' },
    },
  })
  const { model: source, uplink } = values
  if (source === undefined || uplink === undefined)
    throw new UsageError('surgeon plan needs --model M and --uplink MBPS')
  const uplinkBps = 1e6 * positiveNumber(uplink, '--uplink')
  const downlinkBps =
    values.downlink === undefined ? uplinkBps : 1e6 * positiveNumber(values.downlink, '--downlink')
  const roundTripMs = positiveNumber(values.rtt, '--rtt')
  const maxAccuracyLoss = Number(values['max-accuracy-loss'])
  const inputBytes = positiveNumber(values['input-bytes'], '--input-bytes')

  const stateDirectory = await mkdtemp(join(tmpdir(), 'surgeon-plan-'))
  const choice = {
    model: source,
    engine: 'onnxruntime' as const,
    threads: 1,
    stateDirectory,
    maxAccuracyLoss,
  }
  const edge = await measuredEdge(choice, await storedProfile(values.edge))
  await rm(stateDirectory, { recursive: true, force: true })
  const backend = (await storedProfile(values.backend)) ?? edge.profile
  const tails = edge.chain.wounds
    .slice(0, -1)
    .map(({ id }): [string, number] => [id, wholeMs(backend) - headMs(backend, id)])
  const worker: PooledWorker = {
    id: 'backend',
    tailMs: new Map(tails),
    pictureMs: 0,
    queueMs: 0,
    tailFactor: 1,
    pictureFactor: 1,
    featuresFactor: 1,
    outstanding: 0,
    lastSentAtMs: Number.NEGATIVE_INFINITY,
    trust: { kind: 'trusted' },
  }
  const { model, chain, codecs, profile } = edge
  const setup = { graph: model.graph, chain, profile, policy: 'surgeon', codecs, resume: 'at-once' } as const
  const link = { uplinkBps, downlinkBps, roundTripMs, backlogBytes: 0, relativeDeviation: 0.1 }
  const beliefs: Beliefs = {
    nowMs: 0,
    link: { kind: 'up', ...link },
    edge: { factor: 1, waitMs: 0, inputMs: 0, inputs: new Map() },
    workers: [worker],
  }
  const chosen = planRequest(setup, beliefs, inputBytes)
  const flips = findFlips(
    chosen.ranked.map(({ point }) => point),
    chosen.conditions,
  )
  const refused =
    edge.calibration === undefined ? [] : accuracyBudget(edge.calibration, maxAccuracyLoss).refused
  const note =
    edge.calibration === undefined
      ? 'Not calibrated: only codecs of 8 bits and wider are considered. surgeon calibrate measures the others.'
      : `Calibrated on ${edge.calibration.images} images: ${refused.length} codecs at wounds are left out because they may lose more than ${100 * maxAccuracyLoss} % of the answers.`
  if (values.json) {
    const [, runnerUp] = chosen.ranked[0] === chosen.chosen ? chosen.ranked : [undefined, chosen.ranked[0]]
    const { wound, codec } = chosen.chosen.point
    const document = {
      wound,
      codec,
      predictedMs: chosen.chosen.expectedMs,
      runnerUp: runnerUp && {
        wound: runnerUp.point.wound,
        codec: runnerUp.point.codec,
        predictedMs: runnerUp.expectedMs,
      },
      flips,
      excluded: refused.map((pair) => ({
        wound: pair.wound,
        codec: pair.codec,
        reason: 'accuracy',
        lossBound: pair.lossBound,
      })),
      calibrated: edge.calibration !== undefined,
    }
    console.log(JSON.stringify(document, undefined, 2))
    return 0
  }
  for (const line of [...explainPlan(chosen, flips), note]) console.log(line)
  return 0
}

async function storedProfile(path: string | undefined): Promise<Profile | undefined> {
  if (path === undefined) return undefined
  const stored = await readProfile(path)
  if (stored === undefined)
    throw new UsageError(`Cannot read profile ${path}: it must be what surgeon profile writes`)
  return stored
}
