import { doorMs, predictedMs } from '../../src/scheduler/mix/admission.ts'
import { Mix, type StreamSettings } from '../../src/scheduler/mix/mix.ts'
import type { StreamPolicy } from './simulate-stream.ts'

/** What the agent does. */
export function mixPolicy(streams: readonly StreamSettings[]): StreamPolicy & { readonly mix: Mix } {
  const mix = new Mix(streams)
  return {
    mix,
    decide(stream, nowMs, snapshot) {
      mix.observeArrival(stream, nowMs)
      const decision = mix.decide(stream, nowMs, snapshot)
      return decision.kind === 'plan' ? decision.plan : undefined
    },
  }
}

/** Always the same plan, with the same door. */
export function singlePlanPolicy(name: string): StreamPolicy {
  return {
    decide(stream, _nowMs, { plans, resources, backlogMs, promisedMs, localMs }) {
      const plan = plans.get(stream)?.find((other) => other.name === name)
      return plan !== undefined && predictedMs(plan, resources, backlogMs, promisedMs) <= doorMs(localMs)
        ? plan
        : undefined
    },
  }
}
