import type { LinkMonitor } from '../src/bandwidth-probe/link-monitor.ts'
import { featureCodec } from '../src/codec/feature-codecs.ts'
import type { SegmentChain } from '../src/executor/segment-chain.ts'
import type { LiveSlowdown } from '../src/latency-model/live-slowdown.ts'
import { headMs, type Profile, wholeMs } from '../src/latency-model/profile.ts'
import type { LayerGraph } from '../src/model-graph/layer-graph.ts'
import { crossingShapes } from '../src/scheduler/candidate-wounds.ts'
import {
  type Choice,
  type Conditions,
  choosePlan,
  localPoint,
  predict,
  type Resume,
} from '../src/scheduler/choose-plan.ts'
import { type PlanPoint, paretoPoints } from '../src/scheduler/plan-point.ts'
import type { PooledWorker, WorkerPool } from './worker-pool.ts'

/** Result bytes are float16 values and a small header. */
const frameOverheadBytes = 120

export interface PlannerOptions {
  readonly graph: LayerGraph
  readonly chain: SegmentChain
  readonly policy: 'surgeon' | 'local' | 'input'
  readonly featureCodecs: readonly string[]
  readonly inputCodecs: readonly string[]
  readonly link: LinkMonitor
  readonly pool: WorkerPool
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
  private readonly inputEstimates = new Map<string, { bytes: number; encodeMs: number }>()
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
    const { policy, link, pool, edge, resume } = this.options
    const state = link.state
    const local = localPoint(this.decodeMs + wholeMs(this.profile))
    const base: Conditions = {
      edgeFactor: edge.factor,
      edgeWaitMs,
      resume,
      link: state.kind === 'up' ? state : undefined,
      backendFactor: 1,
      backendWaitMs: 0,
    }
    if (policy === 'local') return { ...choosePlan([local], base), worker: undefined, conditions: base }
    const plans = pool.workers().map((worker): PlannedRequest => {
      const conditions = { ...base, backendFactor: worker.factor, backendWaitMs: worker.queueMs }
      const points = this.points(worker, inputBytes)
      if (policy === 'input') {
        const chosen = predict(points.find((point) => point.wound === 'input') ?? local, conditions)
        return { chosen, ranked: [chosen], worker: worker.id, conditions }
      }
      const choice = choosePlan([...paretoPoints(points), local], conditions)
      return { ...choice, worker: worker.id, conditions }
    })
    const best = plans.toSorted((a, b) => a.chosen.expectedMs - b.chosen.expectedMs)[0]
    return best ?? { ...choosePlan([local], base), worker: undefined, conditions: base }
  }

  private points(worker: PooledWorker, inputBytes: number): PlanPoint[] {
    const { chain, graph, inputCodecs, featureCodecs } = this.options
    const whole = this.decodeMs + wholeMs(this.profile)
    const resultBytes = frameOverheadBytes + resultSize(graph)
    const points: PlanPoint[] = []
    for (const [i, wound] of chain.wounds.slice(0, -1).entries()) {
      const backendMs = worker.tailMs.get(wound.id)
      if (backendMs === undefined) continue
      const decodeMs = i === 0 ? 0 : this.decodeMs
      const shared = {
        wound: wound.id,
        headMs: decodeMs + headMs(this.profile, wound.id),
        backendMs,
        resultBytes,
      }
      const localTailMs = whole - shared.headMs
      if (i === 0) {
        for (const codec of inputCodecs) {
          const estimate = this.inputEstimates.get(codec) ?? { bytes: inputBytes, encodeMs: 0 }
          const bytes = codec === 'received' ? inputBytes : estimate.bytes
          // Encoding the input is no work of the engine's and does not hold up finishing locally.
          points.push({
            ...shared,
            codec,
            encodeMs: 0,
            bytes: bytes + frameOverheadBytes,
            localTailMs,
            backendMs: backendMs + estimate.encodeMs,
          })
        }
        continue
      }
      for (const codec of featureCodecs) {
        const measured = this.profile.codecs.find(
          (entry) => entry.wound === wound.id && entry.codec === codec,
        )
        const bytes = measured?.bytes ?? expectedBytes(graph, chain, i, codec)
        points.push({
          ...shared,
          codec,
          encodeMs: measured?.encodeMs ?? 0,
          bytes: bytes + frameOverheadBytes,
          localTailMs,
        })
      }
    }
    return points
  }
}

/** Running mean over about four observations. */
function mix(old: number, fresh: number): number {
  return old + (fresh - old) / 4
}

function expectedBytes(graph: LayerGraph, chain: SegmentChain, i: number, codec: string): number {
  return crossingShapes(graph, chain.wounds[i]!).reduce(
    (sum, { elements, channels }) => sum + featureCodec(codec).expectedBytes(elements, channels),
    0,
  )
}

function resultSize(graph: LayerGraph): number {
  const values = graph.outputs.reduce(
    (sum, id) => sum + graph.tensors[id]!.shape.reduce((product, axis) => product * axis, 1),
    0,
  )
  return 2 * values
}
