import { type AnswerSpec, expectedBytes } from '../answer/answer-spec.ts'
import type { SegmentChain } from '../executor/segment-chain.ts'
import { fastestWhole, type Profile } from '../latency-model/profile.ts'
import type { PooledWorker } from '../latency-model/worker-belief.ts'
import type { LayerGraph } from '../model-graph/layer-graph.ts'
import type { Beliefs } from './beliefs.ts'
import { type Choice, type Conditions, choosePlan, noBackend, type Resume, rank } from './choose-plan.ts'
import type { CodecOption } from './codec-options.ts'
import type { ExcludedPlan, MixLimits } from './mix/limits.ts'
import { inputWound, localPoint, type PlanPoint, paretoPoints } from './plan-point.ts'
import { expectInputs, planPoints } from './plan-points.ts'

/** An edge that holds only the head does not finish by itself; a number, so that expectations stay numbers. */
const neverMs = 1e9

/** Workers whose answers are expected within this share of the best one's take turns. */
const nearlyEqual = 0.02

/** What does not change between requests: the model, its profile, and what the operator allows. */
export interface PlanSetup {
  readonly graph: LayerGraph
  /** Hash of the model, where there are several: each has workers of its own. */
  readonly workersOf?: string | undefined
  readonly chain: SegmentChain
  readonly profile: Profile
  readonly policy: 'surgeon' | 'local' | 'input'
  /** The only wound there is to cut at: the edge then holds the head alone. */
  readonly wound?: string | undefined
  /** What may cross, by wound. */
  readonly codecs: ReadonlyMap<string, readonly CodecOption[]>
  readonly resume: Resume
  /** What may be used of what there is; all where absent. */
  readonly budgets?: Omit<MixLimits, 'privacy' | 'deadlineMs'> | undefined
  /** Left out beforehand by what the operator allows; only told. */
  readonly excluded?: readonly ExcludedPlan[] | undefined
  /** How workers are to condense the outputs; the outputs themselves come back where absent. */
  readonly answer?: AnswerSpec | undefined
}

export interface PlannedRequest extends Choice {
  readonly worker: PooledWorker | undefined
  readonly conditions: Conditions
}

/**
 * The plan for an input of so many bytes, from what is believed now: a function, so that the daemon, `surgeon plan`, the
 * simulator and the tests make the same plan of the same beliefs. Workers are compared by what each would make of its
 * best plan; one that rests is left out, and one on trial is tried by a single request at a time.
 * @returns the all-local plan where no worker has a plan that is worth it, also for an edge that cannot carry it out:
 * `worker` is undefined then.
 */
export function planRequest(setup: PlanSetup, beliefs: Beliefs, inputBytes: number): PlannedRequest {
  const { local, alone, offers } = offersOf(setup, beliefs, inputBytes)
  const plans = offers.map(({ worker, conditions, points }): PlannedRequest => {
    // The edge may be told to have a worker finish, also over a link that is not known to be up.
    const choice = points.includes(local) ? choosePlan(points, conditions) : chooseRemote(points, conditions)
    return { ...choice, worker, conditions }
  })
  const best = spread(plans)
  if (best === undefined) return { ...choosePlan([local], alone), worker: undefined, conditions: alone }
  return best.chosen.point === local ? { ...best, worker: undefined } : best
}

/** What a worker's part in a request could be. */
export interface WorkerOffer {
  readonly worker: PooledWorker
  readonly conditions: Conditions
  /** At least one; with the local plan, unless a worker has to finish. */
  readonly points: readonly PlanPoint[]
}

export interface Offers {
  readonly local: PlanPoint
  /** Of the local plan. */
  readonly alone: Conditions
  readonly offers: readonly WorkerOffer[]
}

/** Every way to answer an input of so many bytes, by worker. */
export function offersOf(setup: PlanSetup, beliefs: Beliefs, inputBytes: number): Offers {
  const { policy, wound, graph, chain, codecs, profile, resume, answer } = setup
  const { link, edge, workers } = beliefs
  const { precision, ms } = fastestWhole(profile)
  const local = localPoint(ms, edge.inputMs, precision)
  const alone: Conditions = {
    ...noBackend,
    edgeFactor: edge.factor,
    edgeWaitMs: edge.waitMs,
    resume,
    link: link.kind === 'up' ? link : undefined,
  }
  if (policy === 'local') return { local, alone, offers: [] }
  const inputs = expectInputs(
    graph,
    codecs.get(inputWound) ?? [],
    { bytes: inputBytes, decodeMs: edge.inputMs },
    edge.inputs,
  )
  const space = {
    graph,
    chain,
    profile,
    inputMs: edge.inputMs,
    codecs,
    inputs,
    answerBytes: expectedBytes(answer),
  }
  const fixed = policy === 'input' ? inputWound : wound
  const offers = workers.filter(isAsked).map((worker): WorkerOffer => {
    const points = planPoints(space, worker.tailMs, worker.pictureMs)
    return {
      worker,
      conditions: { ...alone, ...backendConditions(worker) },
      points:
        fixed === undefined
          ? [...paretoPoints(points), local]
          : points
              .filter((point) => point.wound === fixed)
              .map((point) => ({ ...point, localTailMs: neverMs })),
    }
  })
  return { local, alone, offers: offers.filter(({ points }) => points.length > 0) }
}

function isAsked({ tailMs, trust, outstanding }: PooledWorker): boolean {
  return tailMs.size > 0 && trust.kind !== 'resting' && (trust.kind !== 'on-trial' || outstanding === 0)
}

function backendConditions(worker: PooledWorker) {
  const { queueMs: backendWaitMs, tailFactor, pictureFactor, featuresFactor } = worker
  return { backendWaitMs, tailFactor, pictureFactor, featuresFactor }
}

function chooseRemote(points: readonly PlanPoint[], conditions: Conditions): Choice {
  const ranked = rank(points, conditions)
  return { chosen: ranked[0], ranked }
}

/**
 * The best plan; among workers whose plans are nearly as good, of those trusted most, with the fewest of this agent's
 * requests, the one that has waited longest for its turn: else all agents would send everything to the same one.
 */
export function spread(plans: readonly PlannedRequest[]): PlannedRequest | undefined {
  const leastMs = Math.min(...plans.map(({ chosen }) => chosen.expectedMs))
  const doubt = ({ worker }: PlannedRequest) => (worker?.trust.kind === 'trusted' ? 0 : 1)
  return plans
    .filter(({ chosen }) => chosen.expectedMs <= (1 + nearlyEqual) * leastMs)
    .toSorted(
      (a, b) =>
        doubt(a) - doubt(b) ||
        a.worker!.outstanding - b.worker!.outstanding ||
        a.worker!.lastSentAtMs - b.worker!.lastSentAtMs,
    )[0]
}
