import { backendMs, type Conditions, predict } from '../choose-plan.ts'
import { localWound, type PlanPoint } from '../plan-point.ts'
import type { MixSnapshot } from './mix.ts'
import { type MixPlan, plannedUtilisation, type Resource } from './resource.ts'

/** Of the edge's and the workers' own work little varies, of what crosses a link more: squared, relative to the mean. */
const steadyCv2 = 0.1
const varyingCv2 = 0.5

const edgeResource = 'edge'
const uplinkResource = 'uplink'
const workersResource = 'workers'

/** A plan's name in the mix. */
export function mixName({ wound, codec }: PlanPoint): string {
  return `${wound}/${codec}`
}

/**
 * Plan points, under what is believed now, as the mix takes them: milliseconds on the edge's engine, on the uplink and on
 * the workers, in this order, and how long each takes where none of them is busy. Without a link the local plan is all.
 * @param workers how many are there, each as fast as the conditions say
 * @param promisedBytes what admitted requests will send whose heads are not done
 */
export function mixPlans(
  points: readonly PlanPoint[],
  conditions: Conditions,
  workers: number,
  promisedBytes = 0,
): Pick<MixSnapshot, 'resources' | 'backlogMs' | 'promisedMs'> & { readonly plans: readonly MixPlan[] } {
  const { link, edgeFactor, edgeWaitMs, backendWaitMs } = conditions
  const idle: Conditions = {
    ...conditions,
    edgeWaitMs: 0,
    backendWaitMs: 0,
    link: link && { ...link, backlogBytes: 0 },
  }
  const queue = (name: string, servers: number, serviceCv2: number, relativeDeviation: number): Resource => ({
    name,
    perS: 1000 * servers,
    maxUtilisation: plannedUtilisation(relativeDeviation),
    queue: { servers, serviceCv2 },
  })
  const possible = link === undefined ? points.filter(({ wound }) => wound === localWound) : points
  return {
    resources: [
      queue(edgeResource, 1, steadyCv2, 0),
      queue(uplinkResource, 1, varyingCv2, link?.relativeDeviation ?? 0),
      queue(workersResource, Math.max(1, workers), varyingCv2, 0),
    ],
    backlogMs: [
      edgeWaitMs,
      link === undefined ? 0 : (8000 * link.backlogBytes) / link.uplinkBps,
      backendWaitMs,
    ],
    promisedMs: [0, link === undefined ? 0 : (8000 * promisedBytes) / link.uplinkBps, 0],
    plans: possible.map((point) => ({
      name: mixName(point),
      latencyMs: predict(point, idle).expectedMs,
      use: [
        edgeFactor * (point.headMs + point.encodeMs),
        link === undefined ? 0 : (8000 * point.bytes) / link.uplinkBps,
        point.wound === localWound ? 0 : backendMs(point, conditions),
      ],
    })),
  }
}
