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

/** What all requests of an agent share, of whatever model they are: the mix of plans, and what is promised already. */
export class StreamProgram {
  mix: Mix
  /** What each stream's last frame might have been answered by. */
  readonly plansOf = new Map<string, StreamPlans>()
  /** Engine time of heads that no queue knows of yet. */
  readonly promisedMs = new PromisedWork()
  /** What will be sent of heads that are not done. */
  readonly promisedBytes = new PromisedWork()

  readonly decide: Decide
  /** What finding an input unchanged takes, by stream: a running mean over about four. */
  private readonly comparingMs = new Map<string, number>()
  private reported: MixProblem | undefined

  private readonly streams: readonly StreamSettings[]

  /** @param decide the mix of plans where absent: others are compared with it in the lab */
  constructor(streams: readonly StreamSettings[], decide?: Decide) {
    this.streams = streams
    this.mix = new Mix(streams)
    this.decide =
      decide ??
      ((setup, beliefs, { bytes, stream }) =>
        planFrame(setup, beliefs, bytes, this.mix, stream, this.plansOf))
  }

  /**
   * An input that looks like the last one computed: an arrival as any other, of a class whose only plan needs nothing.
   * @param tookMs to find that out
   */
  reuse(stream: string, nowMs: number, tookMs: number): void {
    const name = unchangedOf(stream)
    const knownMs = this.comparingMs.get(stream) ?? tookMs
    const latencyMs = knownMs + (tookMs - knownMs) / 4
    this.comparingMs.set(stream, latencyMs)
    const own = reusePlans(latencyMs)
    this.plansOf.set(name, own)
    this.mix.observeArrival(name, nowMs)
    const { resources, plans } = overCommonResources(this.plansOf, own)
    // It waits for nobody, and nobody for it.
    const nothing = resources.map(() => 0)
    const snapshot = { resources, backlogMs: nothing, promisedMs: nothing, plans, localMs: latencyMs }
    this.mix.decide(name, nowMs, snapshot)
  }

  /** As if no input had come: those that did were nobody's. */
  forgetArrivals(): void {
    this.mix = new Mix(this.streams)
    this.plansOf.clear()
  }

  /** What the streams are answered by and why; undefined where that is as it was told last. */
  report(excluded: readonly ExcludedPlan[]): MixReport | undefined {
    const problem = this.mix.solution?.problem
    if (problem === undefined || problem === this.reported) return undefined
    this.reported = problem
    return reportMix(problem, { excluded })
  }
}
