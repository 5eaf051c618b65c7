import { type MixPlan, plannedUtilisation, type Resource } from '../../src/scheduler/mix/resource.ts'
import type { Capacity } from '../link-capacity.ts'

/** A way to answer, as far as a simulated machine has to know it. */
export interface WorldPlan {
  readonly name: string
  /** Of the edge's engine. */
  readonly edgeMs: number
  readonly bytes: number
  /** Of one worker. */
  readonly backendMs: number
}

/** Machines, link and network between them. */
export interface StreamWorld {
  readonly plans: readonly WorldPlan[]
  readonly uplink: Capacity
  readonly roundTripMs: number
  readonly workers: number
}

/** The plan that needs nobody else. */
export function localMs({ plans }: StreamWorld): number {
  return Math.min(...plans.filter(({ bytes }) => bytes === 0).map(({ edgeMs }) => edgeMs))
}

/** What is believed of the link. */
export interface UplinkBelief {
  readonly bps: number
  readonly relativeDeviation: number
}

/** The world's resources and plans in terms of the mix. */
export function mixOf(
  world: StreamWorld,
  { bps, relativeDeviation }: UplinkBelief,
): { resources: Resource[]; plans: MixPlan[] } {
  const certain = plannedUtilisation(0)
  const resources: Resource[] = [
    { name: 'edge', perS: 1000, maxUtilisation: certain, queue: { servers: 1, serviceCv2: 0.05 } },
    {
      name: 'uplink',
      perS: 1000,
      maxUtilisation: plannedUtilisation(relativeDeviation),
      queue: { servers: 1, serviceCv2: 0.05 },
    },
    {
      name: 'workers',
      perS: 1000 * world.workers,
      maxUtilisation: certain,
      queue: { servers: world.workers, serviceCv2: 0.5 },
    },
  ]
  const plans = world.plans.map(({ name, edgeMs, bytes, backendMs }): MixPlan => {
    const upMs = bytes === 0 ? 0 : (8000 * bytes) / bps
    const latencyMs = edgeMs + (bytes === 0 ? 0 : upMs + backendMs + world.roundTripMs)
    return { name, latencyMs, use: [edgeMs, upMs, bytes === 0 ? 0 : backendMs] }
  })
  return { resources, plans }
}
