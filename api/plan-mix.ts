import type { Beliefs } from '../src/scheduler/beliefs.ts'
import { explainMix } from '../src/scheduler/mix/explain-mix.ts'
import { fluidBound, solveMix } from '../src/scheduler/mix/program.ts'
import { frameOptions } from '../src/scheduler/plan-frame.ts'
import type { PlanSetup } from '../src/scheduler/planner.ts'

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

/** The mix that an agent would have for one camera of so many frames a second. */
export function planMix(
  setup: PlanSetup,
  beliefs: Beliefs,
  inputBytes: number,
  framesPerS: number,
): PlannedMix {
  const { resources, plans } = frameOptions(setup, beliefs, inputBytes)
  const camera = { name: 'camera', priority: 1, weight: 1, ratePerS: framesPerS, arrivalCv2: cameraCv2 }
  const problem = { resources, streams: [{ ...camera, plans }] }
  const [rates] = solveMix(problem).rates
  const used = plans.flatMap(({ name }, p): [string, number][] =>
    rates![p]! > 1e-6 ? [[name, rates![p]!]] : [],
  )
  const { link } = beliefs
  const oneMbps =
    link.kind === 'up' && ([['uplink', { words: 'one more Mbps', share: 1e6 / link.uplinkBps }]] as const)
  return {
    mix: Object.fromEntries(used),
    fluidBoundPerS: fluidBound(plans, resources),
    explanation: explainMix(problem, new Map(oneMbps || [])),
  }
}
