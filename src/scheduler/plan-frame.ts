import type { Beliefs } from './beliefs.ts'
import { backendMs, type Conditions, predict, worthwhileShare } from './choose-plan.ts'
import { overCommonResources, type StreamPlans } from './mix/common-resources.ts'
import { type ExcludedPlan, type LimitedPlan, type MixLimits, withinLimits } from './mix/limits.ts'
import type { Decision, Mix } from './mix/mix.ts'
import { type MixPlan, plannedUtilisation, type Resource, workersResource } from './mix/resource.ts'
import { inputWound, localWound, type PlanPoint, planName } from './plan-point.ts'
import { type Offers, offersOf, type PlannedRequest, type PlanSetup, planRequest, spread } from './planner.ts'

/** A plan to be carried out, or why there is none. */
export type FrameDecision =
  | { readonly kind: 'plan'; readonly plan: PlannedRequest }
  | Extract<Decision, { kind: 'shed' }>

/** What one plan takes varies: of the engine and the link hardly, of the pool with others' requests. */
const ownCv2 = 0.05
const poolCv2 = 0.5

/**
 * What to do with an input of a stream that arrived now: the rates that the mix has for all streams, and of the plan that
 * is this frame's turn the worker that has it soonest. Where an answer can only come from a worker and the link is not
 * known, there is nothing to choose.
 * @param plansOf what each stream may be answered by, as of its last frame; this one's are put there. Streams may be of
 * several models.
 */
export function planFrame(
  setup: PlanSetup,
  beliefs: Beliefs,
  inputBytes: number,
  mix: Mix,
  stream: string,
  plansOf: Map<string, StreamPlans>,
): FrameDecision {
  const { edge, link, workers, nowMs, promisedBytes } = beliefs
  const deadlineMs = mix.deadlineMs(stream)
  const options = frameOptions(setup, beliefs, inputBytes, { deadlineMs })
  const { ways, localMs } = options
  if (hasToBeSent(setup) && ways.size === 0)
    return { kind: 'plan', plan: planRequest(setup, beliefs, inputBytes) }
  // Not even where it had everything to itself.
  if (options.plans.length === 0) return { kind: 'shed', reason: 'late' }
  plansOf.set(stream, options)
  const { resources, plans } = overCommonResources(plansOf, options)
  const upMs = (bytes: number) => (link.kind === 'up' ? (8000 * bytes) / link.uplinkBps : 0)
  // Nobody waits for what is left of a day's bytes, nor this frame for what other models' workers have to do.
  const [edgeName, uplinkName, workersName] = options.resources.map(({ name }) => name)
  const backlogMs = new Map([
    [edgeName, edge.waitMs],
    [uplinkName, upMs(link.kind === 'up' ? link.backlogBytes : 0)],
    [workersName, Math.min(...workers.map(({ queueMs }) => queueMs), longestMs)],
  ])
  const decision = mix.decide(stream, nowMs, {
    resources,
    backlogMs: resources.map(({ name }) => backlogMs.get(name) ?? 0),
    promisedMs: resources.map(({ name }) => (name === uplinkName ? upMs(promisedBytes) : 0)),
    plans,
    localMs,
  })
  if (decision.kind === 'shed') return decision
  const { name } = isAlone(beliefs) ? tried(decision.plan, options, setup, link) : decision.plan
  const plan = spread(ways.get(wayOf(name))!)!
  const isAtOnce = isInsured(name) || isAlone(beliefs)
  return { kind: 'plan', plan: asCarriedOut(plan, isAtOnce) }
}

/** What trying has to be expected to save: of a link that is known to be slow nothing is expected, so that it is left alone. */
const triedShare = 0.002
/** Of a link whose speed may be off by so much, relative to it, nobody knows what to expect: trying must only cost nothing. */
const untoldDeviation = 0.4
/** A worker that takes so many times what it announced is slow itself. */
const slowFactor = 1.25

/**
 * Instead of the local plan the best one that is insured, where nobody waits for anything: it costs the answer no time, and
 * what becomes of it tells what a link that is believed to be slow carries now. The program alone would never find out.
 */
function tried(
  plan: MixPlan,
  { plans, ways, localMs }: FrameOptions,
  { budgets }: PlanSetup,
  link: Beliefs['link'],
): MixPlan {
  const isMetered = budgets?.uplinkBytesPerDay !== undefined
  const isLocal = ways.get(wayOf(plan.name))?.every(({ chosen }) => chosen.point.wound === localWound)
  if (isLocal !== true || isMetered) return plan
  if (link.kind !== 'up' || link.backlogBytes > 0) return plan
  const deviation = (Math.sqrt(link.line?.byte ?? 0) * link.uplinkBps) / 8000
  const isUntold = deviation >= untoldDeviation
  const insured = plans.filter(
    ({ name, latencyMs }) =>
      isInsured(name) &&
      (latencyMs <= (1 - triedShare) * localMs ||
        (isUntold && latencyMs <= localMs && ways.get(wayOf(name))!.some((way) => mayGain(way, localMs)))),
  )
  return insured.toSorted((a, b) => a.latencyMs - b.latencyMs)[0] ?? plan
}

/** Whether it is the link alone that makes a plan slow: what a worker is slow at is not tried again for the link's sake. */
function mayGain(
  { chosen: { point, edgeMs }, conditions, worker }: PlannedRequest,
  localMs: number,
): boolean {
  const { backendWaitMs, tailFactor, pictureFactor, featuresFactor } = conditions
  const isAsAnnounced = Math.max(tailFactor, pictureFactor, featuresFactor) < slowFactor
  const withoutLinkMs = edgeMs + backendWaitMs + backendMs(point, conditions)
  return worker?.trust.kind === 'trusted' && isAsAnnounced && withoutLinkMs < localMs
}

function isAlone({ edge, workers }: Beliefs): boolean {
  return edge.waitMs === 0 && workers.every(({ outstanding }) => outstanding === 0)
}

function asCarriedOut(plan: PlannedRequest, isAtOnce: boolean): PlannedRequest {
  const { point } = plan.chosen
  if (point.wound !== inputWound || isAtOnce) return plan
  // Where the input is what is sent, going on by oneself costs the edge its decoding, which others may need.
  const conditions = { ...plan.conditions, resume: 'when-late' } as const
  return { ...plan, conditions, chosen: predict(point, conditions) }
}

export interface FrameOptions extends StreamPlans {
  /** By name of wound and codec, all workers that can have a part in it. */
  readonly ways: ReadonlyMap<string, readonly PlannedRequest[]>
  /** Edge, uplink and workers, in this order, and then the bytes of a day where these are limited. */
  readonly resources: readonly Resource[]
  /** What the edge alone takes where it has nothing else to do; where it cannot answer alone, the fastest plan. */
  readonly localMs: number
  /** What would be among the plans but for a limit. */
  readonly excluded: readonly ExcludedPlan[]
  /** All of them. */
  readonly candidates: readonly LimitedPlan[]
}

/**
 * What an input of so many bytes may be answered by now, and what there is for it.
 * @param limits beside those of the set-up
 */
export function frameOptions(
  setup: PlanSetup,
  beliefs: Beliefs,
  inputBytes: number,
  limits: Pick<MixLimits, 'privacy' | 'deadlineMs'> = {},
): FrameOptions {
  const offers = offersOf(setup, beliefs, inputBytes)
  const ways = waysOf(offers, !hasToBeSent(setup))
  const wounds = setup.chain.wounds.map(({ id }) => id)
  const candidates = [...ways].flatMap(([name, requests]) => mixPlansOf(name, requests, setup))
  const available = resourcesOf(beliefs, setup.workersOf)
  const within = withinLimits(candidates, available, wounds, { ...setup.budgets, ...limits })
  return {
    ...within,
    candidates,
    ways,
    localMs: hasToBeSent(setup)
      ? Math.min(...within.plans.map(({ latencyMs }) => latencyMs))
      : predict(offers.local, { ...offers.alone, edgeWaitMs: 0 }).expectedMs,
  }
}

function hasToBeSent({ policy, wound }: PlanSetup): boolean {
  return policy === 'input' || wound !== undefined
}

/** Of a pool of nobody. */
const longestMs = 1e9

/** By name of wound and codec, all workers that can have a part in it. */
function waysOf({ local, alone, offers }: Offers, isLocalPossible: boolean): Map<string, PlannedRequest[]> {
  const ways = new Map<string, PlannedRequest[]>()
  const add = (point: PlanPoint, conditions: Conditions, worker: PlannedRequest['worker']) => {
    const name = planName(point)
    const chosen = predict(point, conditions)
    const way = { chosen, ranked: [chosen], worker, conditions } as const
    ways.set(name, [...(ways.get(name) ?? []), way])
  }
  if (isLocalPossible) add(local, alone, undefined)
  if (alone.link === undefined) return ways
  for (const { worker, conditions, points } of offers)
    for (const point of points) if (point !== local) add(point, conditions, worker)
  return ways
}

const insured = ' insured'

function isInsured(name: string): boolean {
  return name.endsWith(insured)
}

/** Insured or not, a head is followed by the same: the local tail runs where nothing more urgent waits. */
function wayOf(name: string): string {
  return isInsured(name) ? name.slice(0, -insured.length) : name
}

/**
 * What a plan needs of each resource, and what it takes where only others than this agent have something to do. Where
 * the edge goes on by itself there are two of it: with that insurance, which takes edge time until the worker's answer
 * is there, and without, as it is where heads take all of that time.
 */
function mixPlansOf(name: string, requests: readonly PlannedRequest[], setup: PlanSetup): LimitedPlan[] {
  const hasInsurance = setup.resume === 'at-once' && !hasToBeSent(setup)
  const offered = requests.map(({ chosen: { point }, conditions, worker }): MixPlan[] => {
    const { link, edgeFactor } = conditions
    const idle = {
      ...conditions,
      edgeWaitMs: 0,
      backendWaitMs: worker === undefined ? 0 : worker.queueMs - worker.ownMs,
      link: link && { ...link, backlogBytes: 0 },
    }
    const edgeMs = edgeFactor * (point.headMs + point.encodeMs)
    const upMs = link === undefined ? 0 : (8000 * point.bytes) / link.uplinkBps
    const poolMs = backendMs(point, conditions)
    if (point.wound === localWound) {
      // A split that hardly saves time is not worth its bytes and its worker.
      const share = setup.policy === 'surgeon' ? 1 - worthwhileShare : 1
      return [{ name, latencyMs: share * predict(point, idle).expectedMs, use: [edgeMs, 0, 0] }]
    }
    const plain = predict(point, { ...idle, resume: 'when-late' })
    const plans = [{ name, latencyMs: plain.expectedMs, use: [edgeMs, upMs, poolMs] }]
    if (!hasInsurance) return plans
    const safe = predict(point, idle)
    const insuranceMs = Math.max(0, Math.min(safe.remoteMs, safe.localMs) - safe.edgeMs)
    const use = [edgeMs + insuranceMs, upMs, poolMs]
    return [...plans, { name: `${name}${insured}`, latencyMs: safe.expectedMs, use }]
  })
  const best = offered.reduce((first, other) =>
    other.at(-1)!.latencyMs < first.at(-1)!.latencyMs ? other : first,
  )
  const { wound, bytes } = requests[0]!.chosen.point
  return best.map((plan) => ({ plan, wound, bytes }))
}

function resourcesOf({ link, workers }: Beliefs, workersOf: string | undefined): Resource[] {
  const deviation = link.kind === 'up' ? (link.rateDeviation ?? link.relativeDeviation) : 0
  const servers = Math.max(1, workers.length)
  return [
    {
      name: 'edge',
      perS: 1000,
      maxUtilisation: plannedUtilisation(0),
      queue: { servers: 1, serviceCv2: ownCv2 },
    },
    {
      name: 'uplink',
      perS: 1000,
      maxUtilisation: plannedUtilisation(deviation),
      queue: { servers: 1, serviceCv2: ownCv2 },
    },
    {
      name: workersResource(workersOf),
      perS: 1000 * servers,
      maxUtilisation: plannedUtilisation(0),
      queue: { servers, serviceCv2: poolCv2 },
    },
  ]
}
