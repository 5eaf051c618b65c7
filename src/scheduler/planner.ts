import type { LinkState } from '../bandwidth-probe/link-monitor.ts'
import type { SegmentChain } from '../executor/segment-chain.ts'
import type { LiveSlowdown } from '../latency-model/live-slowdown.ts'
import { type Profile, wholeMs } from '../latency-model/profile.ts'
import type { LayerGraph } from '../model-graph/layer-graph.ts'
import {
  type Choice,
  type Conditions,
  choosePlan,
  localPoint,
  type Prediction,
  predict,
  type Resume,
} from './choose-plan.ts'
import type { CodecOption } from './codec-options.ts'
import { paretoPoints } from './plan-point.ts'
import { expectInputs, type InputEstimate, planPoints } from './plan-points.ts'
import type { PooledWorker } from './pooled-worker.ts'

/** An edge that holds only the head does not finish by itself; a number, so that expectations stay numbers. */
const neverMs = 1e9

export interface PlannerOptions {
  readonly graph: LayerGraph
  readonly chain: SegmentChain
  readonly policy: 'surgeon' | 'local' | 'input'
  /** The only wound there is to cut at. */
  readonly wound?: string | undefined
  /** What may cross, by wound. */
  readonly codecs: ReadonlyMap<string, readonly CodecOption[]>
  readonly link: { readonly state: LinkState }
  readonly pool: { workers(): PooledWorker[] }
  readonly edge: LiveSlowdown
  readonly resume: Resume
}

export interface PlannedRequest extends Choice {
  readonly worker: string | undefined
  readonly conditions: Conditions
}

/** Turns what is known of edge, link and pool into a plan for one request. */
export class Planner {
  private readonly options: PlannerOptions
  private readonly inputEstimates = new Map<string, InputEstimate>()
  private decodeMs = 0
  /** Replaced when the machine is profiled anew. */
  profile: Profile

  constructor(options: PlannerOptions, profile: Profile) {
    this.options = options
    this.profile = profile
  }

  /** What decoding an input into the model's took, from its arrival. */
  observeDecode(ms: number): void {
    this.decodeMs = this.decodeMs === 0 ? ms : mix(this.decodeMs, ms)
  }

  /** One encoded input: what the next one in this codec is expected to need. */
  observeInput(codec: string, bytes: number, encodeMs: number): void {
    const known = this.inputEstimates.get(codec) ?? { bytes, encodeMs }
    this.inputEstimates.set(codec, {
      bytes: mix(known.bytes, bytes),
      encodeMs: mix(known.encodeMs, encodeMs),
    })
  }

  /**
   * The plan for an input of so many bytes. Workers are compared by what each would make of its best plan.
   * @param edgeWaitMs what the engine still has to do first.
   */
  plan(inputBytes: number, edgeWaitMs: number): PlannedRequest {
    const { policy, wound, graph, chain, codecs, link, pool, edge, resume } = this.options
    const state = link.state
    const local = localPoint(this.decodeMs + wholeMs(this.profile))
    const alone: Conditions = {
      edgeFactor: edge.factor,
      edgeWaitMs,
      resume,
      link: state.kind === 'up' ? state : undefined,
      backendFactor: 1,
      backendWaitMs: 0,
    }
    const planAlone = { ...choosePlan([local], alone), worker: undefined, conditions: alone }
    if (policy === 'local') return planAlone
    const space = {
      graph,
      chain,
      profile: this.profile,
      inputMs: this.decodeMs,
      codecs,
      inputs: expectInputs(
        graph,
        codecs.get('input') ?? [],
        { bytes: inputBytes, decodeMs: this.decodeMs },
        this.inputEstimates,
      ),
    }
    const fixed = policy === 'input' ? 'input' : wound
    const able = pool.workers().filter(({ tailMs }) => tailMs.size > 0)
    const plans = able.map((worker): PlannedRequest => {
      const conditions = { ...alone, backendFactor: worker.factor, backendWaitMs: worker.queueMs }
      const points = planPoints(space, worker.tailMs, worker.pictureMs)
      if (fixed !== undefined) {
        const ranked = points
          .filter((point) => point.wound === fixed)
          .map((point) => predict({ ...point, localTailMs: neverMs }, conditions))
          .toSorted((a, b) => a.expectedMs - b.expectedMs) as [Prediction, ...Prediction[]]
        return { chosen: ranked[0], ranked, worker: worker.id, conditions }
      }
      return { ...choosePlan([...paretoPoints(points), local], conditions), worker: worker.id, conditions }
    })
    return plans.toSorted((a, b) => a.chosen.expectedMs - b.chosen.expectedMs)[0] ?? planAlone
  }
}

/** Running mean over about four observations. */
function mix(old: number, fresh: number): number {
  return old + (fresh - old) / 4
}
