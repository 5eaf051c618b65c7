import type { Beliefs } from '../src/scheduler/beliefs.ts'
import { type MixLimits, requirePlans } from '../src/scheduler/mix/limits.ts'
import { type MixReport, reportMix } from '../src/scheduler/mix/mix-report.ts'
import { frameOptions } from '../src/scheduler/plan-frame.ts'
import type { PlanSetup } from '../src/scheduler/planner.ts'

/** What a stream would be answered by. */
export interface PlannedMix {
  /** By plan, answers a second. */
  readonly mix: Readonly<Record<string, number>>
  /** No mix of these plans answers more. */
  readonly fluidBoundPerS: number
  readonly report: MixReport
}

/** Of a camera's gaps: its jitter. */
const cameraCv2 = 0.03

/**
 * The mix that an agent would have for one camera of so many frames a second.
 * @throws {RangeError} where limits leave no plan; it says which must be relaxed.
 */
export function planMix(
  setup: PlanSetup,
  beliefs: Beliefs,
  inputBytes: number,
  framesPerS: number,
  limits: Pick<MixLimits, 'privacy' | 'deadlineMs'> = {},
): PlannedMix {
  const options = frameOptions(setup, beliefs, inputBytes, limits)
  const wounds = setup.chain.wounds.map(({ id }) => id)
  requirePlans(options, options.candidates, wounds, { ...setup.budgets, ...limits })
  const { resources, plans } = options
  const excluded = [...(setup.excluded ?? []), ...options.excluded]
  const camera = { name: 'camera', priority: 1, weight: 1, ratePerS: framesPerS, arrivalCv2: cameraCv2 }
  const { link } = beliefs
  const oneMbps =
    link.kind === 'up' && ([['uplink', { words: 'one more Mbps', share: 1e6 / link.uplinkBps }]] as const)
  const report = reportMix(
    { resources, streams: [{ ...camera, plans }] },
    { more: new Map(oneMbps || []), excluded },
  )
  const [stream] = report.streams
  return {
    mix: Object.fromEntries(stream!.plans.map(({ name, perS }) => [name, perS])),
    fluidBoundPerS: stream!.boundPerS!,
    report,
  }
}
