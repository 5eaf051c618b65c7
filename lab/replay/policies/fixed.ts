import { localWound, type PlanPoint } from '../../../src/scheduler/plan-point.ts'
import { offersOf } from '../../../src/scheduler/planner.ts'
import { leftAlone, noInsurance, type Policy } from './policy.ts'

/** The same plan for every request; before a worker is known all is computed locally. */
export function fixedPlan(name: string, summary: string, plan: Pick<PlanPoint, 'wound' | 'codec'>): Policy {
  return {
    name,
    summary,
    setup: noInsurance,
    decide:
      () =>
      (setup, beliefs, { bytes }) => {
        const option = setup.codecs.get(plan.wound)?.find(({ codec }) => codec === plan.codec)
        const only = new Map([[plan.wound, [option ?? { codec: plan.codec, bytes: undefined }]]])
        const offers = offersOf(
          plan.wound === localWound ? setup : { ...setup, codecs: only },
          beliefs,
          bytes,
        )
        const points = offers.offers[0]?.points ?? []
        const point = points.find(({ wound, codec }) => wound === plan.wound && codec === plan.codec)
        return leftAlone(point ?? offers.local, offers)
      },
  }
}
