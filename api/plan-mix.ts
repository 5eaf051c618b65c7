import type { Conditions } from '../src/scheduler/choose-plan.ts'
import { explainMix } from '../src/scheduler/mix/explain-mix.ts'
import { mixPlans } from '../src/scheduler/mix/mix-plans.ts'
import { fluidBound, solveMix } from '../src/scheduler/mix/program.ts'
import type { PlanPoint } from '../src/scheduler/plan-point.ts'

/** What a stream would be answered by. */
export interface PlannedMix {
  /** By plan, answers a second. */
  readonly mix: Readonly<Record<string, number>>
  /** No mix of these plans answers more. */
  readonly fluidBoundPerS: number
  readonly explanation: readonly string[]
}

/** Of a camera's gaps: its jitter. */
const cameraCv2 = 0.03

/** The mix for one camera of so many frames a second, one worker at its service. */
export function planMix(
  points: readonly PlanPoint[],
  conditions: Conditions,
  framesPerS: number,
): PlannedMix {
  const { resources, plans } = mixPlans(points, conditions, 1)
  const camera = { name: 'camera', priority: 1, weight: 1, ratePerS: framesPerS, arrivalCv2: cameraCv2 }
  const problem = { resources, streams: [{ ...camera, plans }] }
  const [rates] = solveMix(problem).rates
  const used = plans.flatMap(({ name }, p): [string, number][] =>
    rates![p]! > 1e-6 ? [[name, rates![p]!]] : [],
  )
  const { link } = conditions
  const oneMbps = link && ([['uplink', { words: 'one more Mbps', share: 1e6 / link.uplinkBps }]] as const)
  return {
    mix: Object.fromEntries(used),
    fluidBoundPerS: fluidBound(plans, resources),
    explanation: explainMix(problem, new Map(oneMbps)),
  }
}
