import type { MixPlan, Resource } from '../../../src/scheduler/mix/resource.ts'

/** Of an edge, an uplink and a worker. */
export const resources: Resource[] = ['edge', 'uplink', 'workers'].map((name) => ({
  name,
  perS: 1000,
  maxUtilisation: 0.97,
  queue: { servers: 1, serviceCv2: 0.3 },
}))

export function plan(name: string, latencyMs: number, use: readonly number[]): MixPlan {
  return { name, latencyMs, use }
}

export const input = plan('input/received', 120, [0, 70, 10])
export const middle = plan('middle/q8', 90, [40, 12, 8])
export const local = plan('local', 100, [100, 0, 0])
