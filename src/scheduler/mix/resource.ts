/**
 * Something that there is only so much of: the edge's engine, the uplink, the worker pool (work in milliseconds, 1000 of
 * them a second and server), or a budget (bytes, joules).
 */
export interface Resource {
  readonly name: string
  /** What there is of it in a second, in the unit of the plans' `use`. */
  readonly perS: number
  /** How much of that may be planned away, 0 to 1: what is uncertain needs room. */
  readonly maxUtilisation: number
  /** Undefined where nobody waits: a budget. Of the services of one plan their squared coefficient of variation; plans that
   * differ add to it. */
  readonly queue: { readonly servers: number; readonly serviceCv2: number } | undefined
}

const workers = 'workers'

/** Name of the pool as a resource: with several models each has its own workers, told apart by `model`. */
export function workersResource(model?: string): string {
  return model === undefined ? workers : `${workers} of ${model}`
}

/** Whether a plan computes on both sides: the edge, which is the first resource, and some model's workers. */
export function isSplit({ use }: MixPlan, resources: readonly Resource[]): boolean {
  return (
    use[0]! > 0 &&
    resources.some(({ name }, r) => use[r]! > 0 && (name === workers || name.startsWith(`${workers} `)))
  )
}

/** A way to answer one request: what it needs of each resource, and how long it takes where nothing else is to do. */
export interface MixPlan {
  readonly name: string
  readonly latencyMs: number
  /** In the order of the resources. */
  readonly use: readonly number[]
}

/** Whether a plan needs anything that there is only so much of. */
export function isWork({ use }: MixPlan): boolean {
  return use.some((need) => need > 0)
}

/** Utilisation that no plan goes beyond, however certain it is, and that none need stay below, however uncertain. */
const highestUtilisation = 0.97
const lowestUtilisation = 0.5

/**
 * How much of a resource may be planned away. Of recorded cellular links a quarter of this margin, or none, answered 3 to
 * 9 % less under threefold load where they changed most (T-Mobile UMTS).
 * @param relativeDeviation of what is believed of the resource
 */
export function plannedUtilisation(relativeDeviation: number): number {
  return Math.max(lowestUtilisation, highestUtilisation - relativeDeviation)
}
