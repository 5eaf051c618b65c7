import { sum } from 'simple-statistics'
import type { RunningJob } from '../../src/executor/inference-host.ts'
import { expectedMs, type Instruments, type Surgery } from './surgery.ts'

export interface RunningHead {
  /** What is to go on from the same tensors goes after it. */
  readonly job: RunningJob
  /** What crosses, encoded; the values themselves stay with the engine. */
  readonly crossing: Promise<readonly Uint8Array[]>
}

/** Has the engine compute what is before wound `place`. */
export async function runHead(
  instruments: Instruments,
  surgery: Surgery,
  place: number,
): Promise<RunningHead> {
  const { chain, inference, onEdgeRun } = instruments
  const { id, plan, input, signal, measured, onQueued } = surgery
  const given = await input()
  const job = inference.enqueue(
    {
      request: id,
      segments: chain.segments.slice(0, place).map((segment) => segment.key),
      input: { ...given, tensors: chain.crossing(0) },
      output: chain.crossing(place),
      keep: true,
      encode: { codec: plan.point.codec, wound: plan.point.wound },
      values: false,
    },
    { signal, expectedMs: expectedMs(instruments, 0, place) + plan.point.encodeMs },
  )
  onQueued()
  const crossing = job.reply.then(({ queueMs, segmentMs, encodeMs, encoded }) => {
    measured.engineWaitMs = queueMs
    measured.headMs = sum(segmentMs)
    measured.encodeMs = encodeMs
    onEdgeRun(0, place, measured.headMs)
    return encoded.map(({ bytes }) => bytes)
  })
  return { job, crossing }
}
