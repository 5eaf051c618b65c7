/**
 * Answers streams with a mix of plans. How a daemon drives it; time is an argument, nothing here waits:
 *
 * 1. `observeArrival(stream, nowMs)` for every input, before anything else is done with it.
 * 2. `decide(stream, nowMs, snapshot)` for the same input, with what is believed now: each resource and what waits there,
 *    and the plans that each stream may use (limits are applied to them first: `limits.ts`). The answer is a plan to be
 *    executed or a reason to shed. The rates are solved anew inside where that is due: when the plans or the streams are
 *    others, else at most every 100 ms. The caller keeps no timer.
 *
 * A stream that stops gives its share back by itself. `solution` is what the frames follow now, for explanations.
 */
import { doorMs, predictedMs } from './admission.ts'
import { ArrivalEstimator } from './arrival-estimator.ts'
import { Credits } from './credits.ts'
import { withMixedServices } from './mixed-services.ts'
import { type MixProblem, type MixSolution, solveMix } from './program.ts'
import type { MixPlan, Resource } from './resource.ts'

export interface StreamSettings {
  readonly name: string
  /** Higher is served first. */
  readonly priority: number
  /** Of its share among streams of one priority. */
  readonly weight: number
  readonly deadlineMs?: number | undefined
  /** `newest`: what does not fit is shed, older frames for newer ones. `all`: every input waits for its turn. */
  readonly keep: 'newest' | 'all'
}

export interface MixSnapshot {
  readonly resources: readonly Resource[]
  /** By resource: until one of its servers is free for new work; 0 for a budget. */
  readonly backlogMs: readonly number[]
  /** By resource: what comes to it of requests that still wait for one before it, as heads that will be sent. */
  readonly promisedMs: readonly number[]
  /** By stream: what its inputs may be answered by. */
  readonly plans: ReadonlyMap<string, readonly MixPlan[]>
  /** What an answer of the edge alone takes. */
  readonly localMs: number
}

export type Decision =
  | { readonly kind: 'plan'; readonly plan: MixPlan; readonly predictedMs: number }
  /** `overload`: more is asked than can be answered; `late`: this one would be answered too late. */
  | { readonly kind: 'shed'; readonly reason: 'overload' | 'late' }

interface StreamState {
  readonly settings: StreamSettings
  readonly arrivals: ArrivalEstimator
  readonly credits: Credits
  /** What the frames follow: plan or shed -> share of them. */
  shares: ReadonlyMap<string, number>
}

/** Not a plan's name: what is left of the arrivals. */
const shed = ''

/** How long rates stay as they are. */
const solvedForMs = 100
/** Shares follow the program's within this time, so that a vertex that flips to and fro sends no bursts. */
const smoothingMs = 200

export class Mix {
  private readonly streams: ReadonlyMap<string, StreamState>
  private solvedAtMs = 0
  private solvedFor = ''
  private latest: { readonly problem: MixProblem; readonly solution: MixSolution } | undefined

  constructor(streams: readonly StreamSettings[]) {
    this.streams = new Map(
      streams.map((settings) => [
        settings.name,
        { settings, arrivals: new ArrivalEstimator(), credits: new Credits(), shares: new Map() },
      ]),
    )
  }

  /** The program that was solved last, and its solution; undefined before the first input. */
  get solution(): { readonly problem: MixProblem; readonly solution: MixSolution } | undefined {
    return this.latest
  }

  /** After which an answer of this stream is worth nothing. */
  deadlineMs(stream: string): number {
    return this.state(stream).settings.deadlineMs ?? Infinity
  }

  observeArrival(stream: string, nowMs: number): void {
    this.state(stream).arrivals.observe(nowMs)
  }

  /** What to do with the input of `stream` that arrived now. */
  decide(stream: string, nowMs: number, snapshot: MixSnapshot): Decision {
    const state = this.state(stream)
    this.solveWhenDue(nowMs, snapshot)
    const { keep, deadlineMs = Infinity } = state.settings
    const latestMs = keep === 'all' ? deadlineMs : doorMs(snapshot.localMs, deadlineMs)
    const first = state.credits.next(state.shares)
    if (first === undefined || first === shed) return { kind: 'shed', reason: 'overload' }
    const plans = snapshot.plans.get(stream)!
    const planned = foreseen(plans.find(({ name }) => name === first)!, snapshot)
    if (planned.predictedMs <= latestMs) return { kind: 'plan', ...planned }
    if (keep === 'all') {
      const soonest = plans
        .map((plan) => foreseen(plan, snapshot))
        .reduce((best, other) => (other.predictedMs < best.predictedMs ? other : best))
      if (soonest.predictedMs <= latestMs) {
        state.credits.passOn(first, soonest.plan.name)
        return { kind: 'plan', ...soonest }
      }
    }
    // Another plan instead would take what the mix means for others, and make these late in turn: where some must be shed
    // anyway, this is one of them.
    state.credits.passOn(first, shed)
    return { kind: 'shed', reason: 'late' }
  }

  private state(stream: string): StreamState {
    const state = this.streams.get(stream)
    if (state === undefined)
      throw new RangeError(
        `Cannot mix plans: stream must be one of ${[...this.streams.keys()].join(', ')}, current value is ${stream}`,
      )
    return state
  }

  private solveWhenDue(nowMs: number, { resources, plans }: MixSnapshot): void {
    const active = [...this.streams.values()].filter(({ arrivals }) => arrivals.ratePerS(nowMs) > 0)
    const signature = JSON.stringify(
      active.map(({ settings: { name } }) => [name, (plans.get(name) ?? []).map((plan) => plan.name)]),
    )
    const isOther = signature !== this.solvedFor
    if (!isOther && nowMs - this.solvedAtMs < solvedForMs) return
    const asked: MixProblem = {
      resources,
      streams: active.map(({ settings, arrivals }) => ({
        ...settings,
        ratePerS: arrivals.ratePerS(nowMs),
        arrivalCv2: arrivals.cv2,
        plans: plans.get(settings.name) ?? [],
      })),
    }
    const problem = withMixedServices(asked, solveMix(asked))
    const solution = solveMix(problem)
    const kept = isOther ? 0 : Math.exp((this.solvedAtMs - nowMs) / smoothingMs)
    for (const [s, state] of active.entries()) {
      const { ratePerS, plans: named } = problem.streams[s]!
      const wanted = named.map(({ name }, p): [string, number] => [name, solution.rates[s]![p]! / ratePerS])
      const answered = wanted.reduce((sum, [, share]) => sum + share, 0)
      const left: [string, number] = [shed, Math.max(0, 1 - answered)]
      const isShedding = state.settings.keep === 'newest' || answered === 0
      state.shares = blended(state.shares, isShedding ? [...wanted, left] : wanted, kept)
    }
    this.solvedAtMs = nowMs
    this.solvedFor = signature
    this.latest = { problem, solution }
  }
}

function foreseen(plan: MixPlan, { resources, backlogMs, promisedMs }: MixSnapshot) {
  return { plan, predictedMs: predictedMs(plan, resources, backlogMs, promisedMs) }
}

/** A share below this is rounding, not a plan. */
const leastShare = 1e-6

/** Between the old shares (`kept` of them) and the new ones; above 0, together 1. */
function blended(
  old: ReadonlyMap<string, number>,
  fresh: readonly (readonly [string, number])[],
  kept: number,
): Map<string, number> {
  const mixed = fresh
    .map(([name, share]): [string, number] => [name, kept * (old.get(name) ?? 0) + (1 - kept) * share])
    .filter(([, share]) => share > leastShare)
  const sum = mixed.reduce((total, [, share]) => total + share, 0)
  return new Map(mixed.map(([name, share]) => [name, share / sum]))
}
