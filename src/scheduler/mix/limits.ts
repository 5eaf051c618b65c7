import type { MixPlan, Resource } from './resource.ts'

/** What the operator allows. */
export interface MixLimits {
  /** `noInput`: the input never leaves; a wound: nothing shallower than it does. */
  readonly privacy?: string | undefined
  readonly deadlineMs?: number | undefined
  readonly uplinkBytesPerDay?: number | undefined
  /** How much of the edge's engine may be used, 0 to 1. */
  readonly edgeShare?: number | undefined
  /** Of what requests cost beside an idle device; counted by `power`. */
  readonly joulesPerDay?: number | undefined
  /** Watts more than idle. */
  readonly power?: { readonly computingWatts: number; readonly sendingWatts: number } | undefined
}

/** A plan with what limits ask about. */
export interface LimitedPlan {
  readonly plan: MixPlan
  /** Where it cuts. */
  readonly wound: string
  readonly bytes: number
}

export interface WithinLimits {
  readonly plans: readonly MixPlan[]
  readonly resources: readonly Resource[]
  readonly excluded: readonly ExcludedPlan[]
}

export interface ExcludedPlan {
  /** Of the plan, or of the wound where all that is before it is kept here. */
  readonly name: string
  readonly limit: 'privacy' | 'deadlineMs' | 'maxAccuracyLoss'
}

const secondsPerDay = 86_400

/**
 * Applies limits: privacy and deadline to the plans, budgets as what there is of a resource: the edge's share is all of
 * the edge that may be planned away; bytes and joules of a day are resources of their own that nobody waits for.
 * O(plans x limits). No plan may be left: see {@link requirePlans}.
 * @param resources `edge` and `uplink` first, in milliseconds
 * @param wounds from `input` to `local`
 * @throws {RangeError} where privacy names no wound
 */
export function withinLimits(
  candidates: readonly LimitedPlan[],
  resources: readonly Resource[],
  wounds: readonly string[],
  limits: MixLimits,
): WithinLimits {
  const { deadlineMs = Infinity, edgeShare = 1 } = limits
  const shallowest = shallowestWound(wounds, limits)
  const isPrivate = ({ wound }: LimitedPlan) => wounds.indexOf(wound) >= shallowest
  const isInTime = ({ plan }: LimitedPlan) => plan.latencyMs <= deadlineMs
  const kept = candidates.filter((candidate) => isPrivate(candidate) && isInTime(candidate))
  const shared = resources.map((resource) =>
    resource.name === 'edge'
      ? { ...resource, maxUtilisation: Math.min(resource.maxUtilisation, edgeShare) }
      : resource,
  )
  const budgets = budgetsOf(limits)
  return {
    plans: kept.map(({ plan, bytes }) =>
      budgets.length === 0
        ? plan
        : { ...plan, use: [...plan.use, ...budgets.map(({ useOf }) => useOf(plan, bytes))] },
    ),
    resources: [...shared, ...budgets.map(({ resource }) => resource)],
    excluded: candidates
      .filter((candidate) => !kept.includes(candidate))
      .map((candidate) => ({
        name: candidate.plan.name,
        limit: isPrivate(candidate) ? 'deadlineMs' : 'privacy',
      })),
  }
}

/** @throws {RangeError} where limits leave no plan; it says which must be relaxed */
export function requirePlans(
  { plans }: WithinLimits,
  candidates: readonly LimitedPlan[],
  wounds: readonly string[],
  limits: MixLimits,
): void {
  if (plans.length > 0 || candidates.length === 0) return
  const { privacy, deadlineMs = Infinity } = limits
  const shallowest = shallowestWound(wounds, limits)
  const privateOnes = candidates.filter(({ wound }) => wounds.indexOf(wound) >= shallowest)
  const fastestMs = Math.min(...privateOnes.map(({ plan }) => plan.latencyMs))
  const relaxed = candidates.some(({ plan }) => plan.latencyMs <= deadlineMs)
    ? `, or privacy ${privacy} relaxed`
    : ''
  throw new RangeError(
    `Cannot apply limits: no plan is left; deadlineMs must be at least ${Math.ceil(fastestMs)}${relaxed}, current value is ${deadlineMs}`,
  )
}

/** Index of the first wound at which something may leave. */
function shallowestWound(wounds: readonly string[], { privacy = 'none' }: MixLimits): number {
  const shallowest = privacy === 'none' ? 0 : privacy === 'noInput' ? 1 : wounds.indexOf(privacy)
  if (shallowest < 0)
    throw new RangeError(
      `Cannot apply limits: privacy must be none, noInput or one of ${wounds.join(', ')}, current value is ${privacy}`,
    )
  return shallowest
}

interface Budget {
  readonly resource: Resource
  readonly useOf: (plan: MixPlan, bytes: number) => number
}

function budgetsOf({ uplinkBytesPerDay, joulesPerDay, power }: MixLimits): Budget[] {
  const budgets: Budget[] = []
  const add = (name: string, perDay: number, useOf: Budget['useOf']) =>
    budgets.push({
      resource: { name, perS: perDay / secondsPerDay, maxUtilisation: 1, queue: undefined },
      useOf,
    })
  if (uplinkBytesPerDay !== undefined) add('bytes', uplinkBytesPerDay, (_, bytes) => bytes)
  if (joulesPerDay !== undefined && power !== undefined)
    add(
      'joules',
      joulesPerDay,
      ({ use: [edgeMs = 0, uplinkMs = 0] }) =>
        (edgeMs * power.computingWatts + uplinkMs * power.sendingWatts) / 1000,
    )
  return budgets
}
