import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { headMs, type Profile, wholeMs } from '../src/latency-model/profile.ts'
import { givenProfile } from '../src/latency-model/profile-store.ts'
import { WorkerBelief } from '../src/latency-model/worker-belief.ts'
import { accuracyBudget, defaultMaxAccuracyLoss } from '../src/scheduler/accuracy-budget.ts'
import type { Beliefs } from '../src/scheduler/beliefs.ts'
import { explainPlan, type Flip, findFlips } from '../src/scheduler/explain-plan.ts'
import { planRequest } from '../src/scheduler/planner.ts'
import { type DaemonOptions, silent } from './daemon.ts'
import { type MeasuredEdge, measuredEdge } from './measured-edge.ts'
import { type PlannedMix, planMix } from './plan-mix.ts'

/** Of a camera frame of 320 x 240 pixels. */
const usualInputBytes = 20_000
const usualRoundTripMs = 10

/** A link and two machines. */
export interface PlanOptions {
  /** As `loadModel` takes it. */
  readonly model: string
  readonly uplinkBps: number
  /** As the uplink unless given. */
  readonly downlinkBps?: number
  /** 10 ms unless given. */
  readonly roundTripMs?: number
  /** Of one encoded input; 20 kB unless given. */
  readonly inputBytes?: number
  readonly maxAccuracyLoss?: number
  /** For a stream: `none`, `noInput` or the first wound at which something may leave. */
  readonly privacy?: string
  /** For a stream: an answer later than this is worth nothing. */
  readonly deadlineMs?: number
  /** Of a camera; without it the plan is for one input alone. */
  readonly framesPerS?: number
  /** Files of `surgeon profile`; this machine is measured where one is left out. */
  readonly edgeProfile?: string
  readonly backendProfile?: string
}

export interface PlannedSurgery {
  readonly wound: string
  readonly codec: string
  readonly predictedMs: number
}

export interface Plan extends PlannedSurgery, Partial<Omit<PlannedMix, 'report'>> {
  readonly runnerUp: PlannedSurgery | undefined
  /** Uplinks below and above at which another plan takes over. */
  readonly flips: readonly Flip[]
  /** Codecs that may cost too many answers. */
  readonly excluded: readonly {
    readonly wound: string
    readonly codec: string
    readonly reason: 'accuracy'
    readonly lossBound: number
  }[]
  readonly calibrated: boolean
  /** All of it in words, a line each. */
  readonly explanation: readonly string[]
}

/**
 * What an agent would do with one request, the edge and one worker idle.
 * @throws {Error} where a profile is none of `surgeon profile`.
 */
export async function plan(options: PlanOptions, { log = silent }: DaemonOptions = {}): Promise<Plan> {
  const { maxAccuracyLoss = defaultMaxAccuracyLoss, inputBytes = usualInputBytes } = options
  const edge = await measured(options, maxAccuracyLoss, log)
  const backend = (await givenProfile(options.backendProfile)) ?? edge.profile
  const { model, calibration, chain, codecs, profile } = edge
  const setup = { graph: model.graph, chain, profile, policy: 'surgeon', codecs, resume: 'at-once' } as const
  const beliefs = idle(edge, backend, options)
  const choice = planRequest(setup, beliefs, inputBytes)
  const flips = findFlips(
    choice.ranked.map(({ point }) => point),
    choice.conditions,
  )
  const refused = calibration === undefined ? [] : accuracyBudget(calibration, maxAccuracyLoss).refused
  const runnerUp = choice.ranked.find((prediction) => prediction !== choice.chosen)
  const { report, ...mixed }: Partial<PlannedMix> =
    options.framesPerS === undefined ? {} : planMix(setup, beliefs, inputBytes, options.framesPerS, options)
  const surgery = ({ point: { wound, codec }, expectedMs }: (typeof choice)['chosen']): PlannedSurgery => ({
    wound,
    codec,
    predictedMs: expectedMs,
  })
  return {
    ...surgery(choice.chosen),
    ...mixed,
    runnerUp: runnerUp && surgery(runnerUp),
    flips,
    excluded: refused.map(({ wound, codec, lossBound }) => ({ wound, codec, reason: 'accuracy', lossBound })),
    calibrated: calibration !== undefined,
    explanation: [
      ...explainPlan(choice, flips),
      ...(report?.explanation ?? []),
      calibration === undefined
        ? 'Not calibrated: only codecs of 8 bits and wider are considered. surgeon calibrate measures the others.'
        : `Calibrated on ${calibration.images} images: ${refused.length} codecs at wounds are left out because they may lose more than ${100 * maxAccuracyLoss} % of the answers.`,
    ],
  }
}

async function measured(
  { model, edgeProfile }: PlanOptions,
  maxAccuracyLoss: number,
  log: NonNullable<DaemonOptions['log']>,
): Promise<MeasuredEdge> {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'surgeon-plan-'))
  try {
    const choice = { model, engine: 'onnxruntime', threads: 1, stateDirectory, maxAccuracyLoss } as const
    return await measuredEdge(choice, log, await givenProfile(edgeProfile))
  } finally {
    await rm(stateDirectory, { recursive: true, force: true })
  }
}

/** The link as given, and nothing to do on either side of it. */
function idle({ chain }: MeasuredEdge, backend: Profile, options: PlanOptions): Beliefs {
  const { uplinkBps, downlinkBps = uplinkBps, roundTripMs = usualRoundTripMs } = options
  const tails = chain.wounds
    .slice(0, -1)
    .map(({ id }): [string, number] => [id, wholeMs(backend) - headMs(backend, id)])
  const worker = new WorkerBelief('backend', { tailMs: new Map(tails), pictureMs: 0, queueMs: 0 })
  const link = { uplinkBps, downlinkBps, roundTripMs, backlogBytes: 0, relativeDeviation: 0.1 }
  return {
    nowMs: 0,
    link: { kind: 'up', ...link },
    edge: { factor: 1, waitMs: 0, inputMs: 0, inputs: new Map() },
    workers: [worker.snapshot(0)],
    promisedBytes: 0,
  }
}
