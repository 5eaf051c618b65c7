import type { RunningJob } from '../../src/executor/inference-host.ts'
import type { ModelInput } from '../../src/executor/inference-protocol.ts'
import { keyIn } from '../../src/executor/segment-chain.ts'
import { localWound } from '../../src/scheduler/plan-point.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import type { Instruments, Surgery } from './surgery.ts'

export interface LocalFinish {
  readonly values: Promise<readonly TensorValue[]>
  /** From its next segment on it is urgent. */
  readonly hurry: () => void
}

export interface LocalTurn {
  readonly urgency: 'urgent' | 'insurance'
  /** The head that it goes on from. */
  readonly after?: RunningJob | undefined
}

/** The segments from `place` on, between which what is more urgent goes first. */
export function finishLocally(
  instruments: Instruments,
  surgery: Surgery,
  place: number,
  turn: LocalTurn,
  signal: AbortSignal,
): LocalFinish {
  const { chain, inference, clock, onEdgeRun } = instruments
  const { plan, plannedAtMs, measured, onQueued } = surgery
  const { precision = 'float32' } = plan.point
  let { urgency } = turn
  let job: RunningJob | undefined
  // While the worker's answer is expected the local tail is only insurance: heads of other requests go first.
  let dueMs = urgency === 'insurance' ? plannedAtMs + plan.remoteMs : clock.now()
  const compute = (input: ModelInput | undefined) => {
    job = inference.runJob(
      {
        request: surgery.id,
        steps: chain.segments.slice(place).map((segment, i) => ({
          segment: keyIn(precision, segment),
          output: chain.crossing(place + i + 1),
          expectedMs: instruments.segmentMs(place + i, precision),
        })),
        input: input === undefined ? { kind: 'kept' } : { ...input, tensors: chain.crossing(0) },
        keep: false,
        values: true,
      },
      {
        dueMs,
        urgency,
        after: turn.after,
        signal,
        onSegment: (i, ms) => {
          onEdgeRun(place + i, place + i + 1, ms, precision)
          if (plan.point.wound === localWound) measured.headMs = (measured.headMs ?? 0) + ms
          else measured.localTailMs = (measured.localTailMs ?? 0) + ms
        },
      },
    )
    onQueued()
    return job.reply.then(({ values, queueMs }) => {
      if (plan.point.wound === localWound) measured.engineWaitMs = queueMs
      return values
    })
  }
  return {
    // Not a moment later where the tensors are there: the frame is made next, on this thread.
    values: place === 0 ? surgery.input().then(compute) : compute(undefined),
    hurry: () => {
      urgency = 'urgent'
      // Not behind those that come from now on, however long the worker was to be waited for.
      dueMs = Math.min(dueMs, clock.now())
      job?.revise({ urgency, dueMs })
    },
  }
}
