import type { AnswerSpec } from '../../src/answer/answer-spec.ts'
import type { Clock } from '../../src/async/clock.ts'
import type { Precision } from '../../src/executor/engine.ts'
import type { InferenceHost } from '../../src/executor/inference-host.ts'
import type { ModelInput } from '../../src/executor/inference-protocol.ts'
import type { SegmentChain } from '../../src/executor/segment-chain.ts'
import type { PooledWorker } from '../../src/latency-model/worker-belief.ts'
import type { Prediction, Resume } from '../../src/scheduler/choose-plan.ts'
import type { Measured } from '../../src/telemetry/request-record.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import type { Exchange } from '../exchange.ts'

/** What one surgery needs of the rest of the agent. */
export interface Instruments {
  readonly inference: Pick<InferenceHost, 'enqueue' | 'runJob' | 'drop'>
  readonly chain: SegmentChain
  readonly exchange: Pick<Exchange, 'request'>
  readonly outputShapes: readonly (readonly number[])[]
  readonly clock: Clock
  /** What a segment is expected to take on the edge now. */
  readonly segmentMs: (index: number, precision?: Precision) => number
  /** Told what segments `from` to `to` took on the edge. */
  readonly onEdgeRun: (from: number, to: number, ms: number, precision?: Precision) => void
}

/** One plan to be carried out. */
export interface Surgery {
  /** Unique among the surgeries under way: the crossing tensors are kept under it. */
  readonly id: string
  /** When the plan was made: its times count from then. */
  readonly plannedAtMs: number
  readonly plan: Prediction
  readonly worker: PooledWorker | undefined
  /** The model's input; made only where it is asked for: where the edge computes, or a worker refuses what came. */
  readonly input: () => Promise<ModelInput>
  /** The input in the plan's codec; asked for only where the input is what is sent. */
  readonly encodedInput: () => Promise<readonly Uint8Array[]>
  readonly resume: Resume
  /** How the worker is to condense the outputs. */
  readonly answer?: AnswerSpec | undefined
  /**
   * The edge gives no answer by itself, because it holds the head alone or is told so; then another worker may be tried
   * after one that has failed, here given those that have.
   */
  readonly remoteOnly: false | { readonly another: (failed: ReadonlySet<string>) => PooledWorker | undefined }
  readonly deadlineMs: number
  readonly signal: AbortSignal
  /** The engine's queue knows of the head from here on. */
  readonly onQueued: () => void
  /** The exchange knows of what is sent from here on. */
  readonly onSending: () => void
  /** Filled as things happen, so that it tells of a surgery that failed as well. */
  readonly measured: Measured
}

export interface SurgeryResult {
  /** The outputs; of a worker that was told how, condensed. */
  readonly values: readonly TensorValue[]
  readonly finishedAt: 'edge' | 'worker'
  /** The worker has found the picture damaged. */
  readonly isDamaged?: boolean
}

/** What segments `from` to `to` are expected to take on the edge now. */
export function expectedMs(
  { segmentMs }: Instruments,
  from: number,
  to: number,
  precision?: Precision,
): number {
  let total = 0
  for (let i = from; i < to; i++) total += segmentMs(i, precision)
  return total
}
