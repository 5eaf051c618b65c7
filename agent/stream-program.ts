import { PromisedWork } from '../src/latency-model/promised-work.ts'
import type { Beliefs } from '../src/scheduler/beliefs.ts'
import type { StreamPlans } from '../src/scheduler/mix/common-resources.ts'
import type { ExcludedPlan } from '../src/scheduler/mix/limits.ts'
import { Mix, type StreamSettings } from '../src/scheduler/mix/mix.ts'
import { type MixReport, reportMix } from '../src/scheduler/mix/mix-report.ts'
import type { MixProblem } from '../src/scheduler/mix/program.ts'
import { type FrameDecision, planFrame } from '../src/scheduler/plan-frame.ts'
import type { PlanSetup } from '../src/scheduler/planner.ts'

/** What to do with an input of so many bytes that came on a stream now. */
export type Decide = (
  setup: PlanSetup,
  beliefs: Beliefs,
  input: { readonly bytes: number; readonly stream: string },
) => FrameDecision

/** What all requests of an agent share, of whatever model they are: the mix of plans, and what is promised already. */
export class StreamProgram {
  readonly mix: Mix
  /** What each stream's last frame might have been answered by. */
  readonly plansOf = new Map<string, StreamPlans>()
  /** Engine time of heads that no queue knows of yet. */
  readonly promisedMs = new PromisedWork()
  /** What will be sent of heads that are not done. */
  readonly promisedBytes = new PromisedWork()

  readonly decide: Decide
  private reported: MixProblem | undefined

  /** @param decide the mix of plans where absent: others are compared with it in the lab */
  constructor(streams: readonly StreamSettings[], decide?: Decide) {
    this.mix = new Mix(streams)
    this.decide =
      decide ??
      ((setup, beliefs, { bytes, stream }) =>
        planFrame(setup, beliefs, bytes, this.mix, stream, this.plansOf))
  }

  /** What the streams are answered by and why; undefined where that is as it was told last. */
  report(excluded: readonly ExcludedPlan[]): MixReport | undefined {
    const problem = this.mix.solution?.problem
    if (problem === undefined || problem === this.reported) return undefined
    this.reported = problem
    return reportMix(problem, { excluded })
  }
}
