import type { ExcludedPlan } from './limits.ts'
import type { MixFlip } from './mix-flips.ts'
import { fluidBound, type MixProblem, solveMix } from './program.ts'
import { isSplit, isWork } from './resource.ts'

/** More of a resource, in words and as a share of what there is. */
export interface More {
  readonly words: string
  readonly share: number
}

export interface MixFacts {
  /** By resource; a tenth more unless given. */
  readonly more?: ReadonlyMap<string, More>
  readonly excluded?: readonly ExcludedPlan[]
  readonly flips?: readonly MixFlip[]
  /** By stream: share of its last inputs that look like the last one computed. */
  readonly unchanged?: ReadonlyMap<string, number>
}

/**
 * The mix in words, a line each: what is answered by what and why, how much of each resource that takes and what more of
 * it would bring (solved anew with that much more of it), the bound, what another uplink would change and what limits
 * leave out. O(resources) programs.
 */
export function explainMix(
  problem: MixProblem,
  { more = new Map<string, More>(), excluded = [], flips = [], unchanged = new Map() }: MixFacts = {},
): string[] {
  const { streams, resources } = problem
  const { rates, answeredPerS, utilisation, meanLatencyMs } = solveMix(problem)
  const offeredPerS = streams.reduce((sum, { ratePerS }) => sum + ratePerS, 0)
  const shedPerS = offeredPerS - answeredPerS
  const lines = [
    shedPerS > 0.005 * offeredPerS
      ? `${perS(answeredPerS)} of ${perS(offeredPerS)} inputs a second are answered, ${perS(shedPerS)} are shed: more does not fit.`
      : `All ${perS(offeredPerS)} inputs a second are answered, after ${meanLatencyMs.toFixed(0)} ms on average.`,
  ]
  const answered = streams.flatMap(({ name, plans }, s) =>
    plans.flatMap((plan, p) =>
      rates[s]![p]! > leastPerS ? [{ stream: name, plan, rate: rates[s]![p]! }] : [],
    ),
  )
  const used = answered.filter(({ plan }) => isWork(plan))
  const fastestMs = Math.min(...used.map(({ plan }) => plan.latencyMs))
  for (const { stream, plan, rate } of used.toSorted((a, b) => b.rate - a.rate)) {
    const needs = resources
      .map(({ name, queue }, r) => ({ name, queue, need: plan.use[r]! }))
      .filter(({ need, queue }) => need > 0 && queue !== undefined)
      .map(({ name, need }) => `${need.toFixed(0)} ms of ${name}`)
    const why = plan.latencyMs === fastestMs ? 'the fastest of them' : 'it spares what the others need'
    const whose = streams.length > 1 ? ` of ${stream}` : ''
    lines.push(
      `${plan.name}${whose}: ${perS(rate)} a second, ${plan.latencyMs.toFixed(0)} ms each (${needs.join(', ')}); ${why}.`,
    )
  }
  for (const { stream, plan, rate } of answered.filter((each) => !isWork(each.plan)))
    lines.push(
      `${plan.name} of ${stream}: ${perS(rate)} a second, ${plan.latencyMs.toFixed(0)} ms each; it needs nothing of what the others do.`,
    )
  for (const [stream, share] of unchanged)
    lines.push(`${(100 * share).toFixed(0)} % of ${stream}'s inputs look like the last one computed.`)
  for (const [r, { name }] of resources.entries()) {
    const { words, share } = more.get(name) ?? { words: `a tenth more of ${name}`, share: 0.1 }
    const richer = resources.map((resource, i) =>
      i === r ? { ...resource, perS: resource.perS * (1 + share) } : resource,
    )
    const gain = solveMix({ ...problem, resources: richer }).answeredPerS - answeredPerS
    const worth =
      gain > 0.005
        ? `${words} would give ${perS(gain)} more answers a second`
        : `${words} would give none more`
    lines.push(`${name} is ${(100 * utilisation[r]!).toFixed(0)} % used; ${worth}.`)
  }
  for (const { name, plans } of streams.filter((stream) => stream.plans.every(isWork)))
    lines.push(
      `No mix of these plans answers more than ${perS(fluidBound(plans, resources))} a second${streams.length > 1 ? ` of ${name} alone` : ''}.`,
    )
  for (const { uplinkTimes, plan } of flips)
    lines.push(`With ${times(uplinkTimes)} the uplink most would be answered by ${plan}.`)
  for (const limit of new Set(excluded.map((plan) => plan.limit))) {
    const names = new Set(excluded.filter((plan) => plan.limit === limit).map(({ name }) => name))
    lines.push(`Left out by ${limit}: ${listed([...names])}.`)
  }
  if (used.length > 0 && used.every(({ plan }) => !isSplit(plan, resources)))
    lines.push('Splitting is pointless here: no plan that computes on both sides is worth its bytes.')
  return lines
}

/** A rate below this is rounding, not a plan. */
export const leastPerS = 1e-6

function times(factor: number): string {
  return factor < 1 ? `1/${1 / factor} of` : `${factor} times`
}

/** Names that a line still holds. */
const mostNamed = 4

function listed(names: readonly string[]): string {
  const rest = names.length - mostNamed
  return `${names.slice(0, mostNamed).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

function perS(value: number): string {
  return value.toFixed(1)
}
