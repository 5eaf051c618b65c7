import { PromisedWork } from '../src/latency-model/promised-work.ts'
import type { Beliefs } from '../src/scheduler/beliefs.ts'
import { overCommonResources, type StreamPlans } from '../src/scheduler/mix/common-resources.ts'
import type { ExcludedPlan } from '../src/scheduler/mix/limits.ts'
import { Mix, type StreamSettings } from '../src/scheduler/mix/mix.ts'
import { type MixReport, reportMix } from '../src/scheduler/mix/mix-report.ts'
import type { MixProblem } from '../src/scheduler/mix/program.ts'
import { reusePlans, unchangedOf } from '../src/scheduler/mix/reuse.ts'
import { type FrameDecision, planFrame } from '../src/scheduler/plan-frame.ts'
import type { PlanSetup } from '../src/scheduler/planner.ts'

/** What to do with an input of so many bytes that came on a stream now. */
export type Decide = (
  setup: PlanSetup,
  beliefs: Beliefs,
  input: { readonly bytes: number; readonly stream: string },
) => FrameDecision

/** How the inputs of a stream compare. */
interface Comparisons {
  /** So many are in the mean. */
  readonly inputs: number
  /** Of these that look like the last one computed. */
  readonly share: number
  /** A running mean over about four. */
  readonly tookMs: number
}

/** The share is a running mean over about so many. */
const countedInputs = 200

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
  /** Of the streams whose inputs are compared with the last one computed. */
  private readonly comparisons = new Map<string, Comparisons>()
  private reported: MixProblem | undefined

  /** @param decide the mix of plans where absent: others are compared with it in the lab */
  constructor(streams: readonly StreamSettings[], decide?: Decide) {
    this.mix = new Mix(streams)
    this.decide =
      decide ??
      ((setup, beliefs, { bytes, stream }) =>
        planFrame(setup, beliefs, bytes, this.mix, stream, this.plansOf))
  }

  /**
   * An input was compared with the last one computed. One that looks like it is an arrival as any other, of a class whose
   * only plan needs nothing; any other is told by {@link decide}.
   * @param tookMs to find that out
   */
  compared(stream: string, isUnchanged: boolean, tookMs: number, nowMs: number): void {
    const known = this.comparisons.get(stream) ?? { inputs: 0, share: 0, tookMs }
    const inputs = Math.min(countedInputs, known.inputs + 1)
    const share = known.share + (Number(isUnchanged) - known.share) / inputs
    const latencyMs = known.tookMs + (tookMs - known.tookMs) / 4
    this.comparisons.set(stream, { inputs, share, tookMs: latencyMs })
    if (!isUnchanged) return
    const name = unchangedOf(stream)
    const own = reusePlans(latencyMs)
    this.plansOf.set(name, own)
    this.mix.observeArrival(name, nowMs)
    const { resources, plans } = overCommonResources(this.plansOf, own)
    // It waits for nobody, and nobody for it.
    const nothing = resources.map(() => 0)
    const snapshot = { resources, backlogMs: nothing, promisedMs: nothing, plans, localMs: latencyMs }
    this.mix.decide(name, nowMs, snapshot)
  }

  /** What the streams are answered by and why; undefined where that is as it was told last. */
  report(excluded: readonly ExcludedPlan[]): MixReport | undefined {
    const problem = this.mix.solution?.problem
    if (problem === undefined || problem === this.reported) return undefined
    this.reported = problem
    const unchanged = new Map([...this.comparisons].map(([stream, { share }]) => [stream, share]))
    return reportMix(problem, { excluded, unchanged })
  }
}
