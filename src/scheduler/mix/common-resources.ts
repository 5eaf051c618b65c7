import type { MixPlan, Resource } from './resource.ts'

/** What the inputs of one stream may be answered by, and the resources that this takes. */
export interface StreamPlans {
  readonly plans: readonly MixPlan[]
  /** In the order of the plans' `use`. */
  readonly resources: readonly Resource[]
}

export interface CommonPlans {
  readonly resources: readonly Resource[]
  /** By stream; `use` in the order of the common resources. */
  readonly plans: ReadonlyMap<string, readonly MixPlan[]>
}

/**
 * Plans of several streams over one list of resources: those of one name are one, as `newest` knows it, and a plan needs
 * nothing of what its stream does not name. Streams of one model have the same resources; those of different models
 * share the edge and the uplink, and each model has its own workers. Their order is that of the streams, whoever is the
 * newest. O(streams x plans x resources).
 * @param newest one of `streams`
 */
export function overCommonResources(
  streams: ReadonlyMap<string, StreamPlans>,
  newest: StreamPlans,
): CommonPlans {
  const byName = new Map<string, Resource>()
  for (const { resources } of [...streams.values(), newest])
    for (const resource of resources) byName.set(resource.name, resource)
  const names = [...byName.keys()]
  const spread = ({ plans, resources }: StreamPlans): readonly MixPlan[] => {
    if (resources.length === names.length && resources.every(({ name }, r) => name === names[r])) return plans
    const places = names.map((name) => resources.findIndex((resource) => resource.name === name))
    return plans.map((plan) => ({ ...plan, use: places.map((r) => plan.use[r] ?? 0) }))
  }
  return {
    resources: [...byName.values()],
    plans: new Map([...streams].map(([stream, offered]) => [stream, spread(offered)])),
  }
}
