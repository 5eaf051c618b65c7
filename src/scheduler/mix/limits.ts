import type { MixPlan, Resource } from './resource.ts'

/** What the operator allows. */
export interface MixLimits {
  /** `noInput`: the input never leaves; a wound: nothing shallower than it does. */
  readonly privacy?: string | undefined
  readonly deadlineMs?: number | undefined
  readonly uplinkBytesPerDay?: number | undefined
  /** How much of the edge's engine may be used, 0 to 1. */
  readonly edgeShare?: number | undefined
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
  readonly excluded: readonly { readonly name: string; readonly limit: 'privacy' | 'deadlineMs' }[]
}

const secondsPerDay = 86_400

/**
 * Applies limits: privacy and deadline to the plans, budgets as what there is of a resource: the edge's share is all of
 * the edge that may be planned away, bytes are a resource of their own that nobody waits for. O(plans x limits).
 * @param wounds from `input` to `local`
 * @throws {RangeError} where no plan is left; it says which limits must be relaxed
 */
export function withinLimits(
  candidates: readonly LimitedPlan[],
  resources: readonly Resource[],
  wounds: readonly string[],
  limits: MixLimits,
): WithinLimits {
  const { privacy = 'none', deadlineMs = Infinity, uplinkBytesPerDay, edgeShare = 1 } = limits
  const shallowest = privacy === 'none' ? 0 : privacy === 'noInput' ? 1 : wounds.indexOf(privacy)
  if (shallowest < 0)
    throw new RangeError(
      `Cannot apply limits: privacy must be none, noInput or one of ${wounds.join(', ')}, current value is ${privacy}`,
    )
  const isPrivate = ({ wound }: LimitedPlan) => wounds.indexOf(wound) >= shallowest
  const isInTime = ({ plan }: LimitedPlan) => plan.latencyMs <= deadlineMs
  const kept = candidates.filter((candidate) => isPrivate(candidate) && isInTime(candidate))
  if (kept.length === 0) {
    const fastestMs = Math.min(...candidates.filter(isPrivate).map(({ plan }) => plan.latencyMs))
    const relaxed = candidates.some(isInTime) ? `, or privacy ${privacy} relaxed` : ''
    throw new RangeError(
      `Cannot apply limits: no plan is left; deadlineMs must be at least ${Math.ceil(fastestMs)}${relaxed}, current value is ${deadlineMs}`,
    )
  }
  const shared = resources.map((resource) =>
    resource.name === 'edge'
      ? { ...resource, maxUtilisation: Math.min(resource.maxUtilisation, edgeShare) }
      : resource,
  )
  const perDay: readonly Resource[] =
    uplinkBytesPerDay === undefined
      ? []
      : [{ name: 'bytes', perS: uplinkBytesPerDay / secondsPerDay, maxUtilisation: 1, queue: undefined }]
  return {
    plans: kept.map(({ plan, bytes }) => ({
      ...plan,
      use: perDay.length === 0 ? plan.use : [...plan.use, bytes],
    })),
    resources: [...shared, ...perDay],
    excluded: candidates
      .filter((candidate) => !kept.includes(candidate))
      .map((candidate) => ({
        name: candidate.plan.name,
        limit: isPrivate(candidate) ? 'deadlineMs' : 'privacy',
      })),
  }
}
