import { linkedAbort } from '../src/async/linked-abort.ts'
import type { InferenceHost } from '../src/executor/inference-host.ts'
import type { RunReply } from '../src/executor/inference-protocol.ts'
import type { SegmentChain } from '../src/executor/segment-chain.ts'
import type { Prediction, Resume } from '../src/scheduler/choose-plan.ts'
import { localWound } from '../src/scheduler/plan-point.ts'
import type { TensorValue } from '../src/tensor/tensor-value.ts'
import type { Part } from '../src/transport/frame.ts'
import type { RemoteAnswer, WorkerPool } from './worker-pool.ts'

/** What one surgery needs of the rest of the agent. */
export interface Theatre {
  readonly inference: InferenceHost
  readonly chain: SegmentChain
  readonly pool: WorkerPool
  readonly outputShapes: readonly (readonly number[])[]
  readonly now: () => number
  /** Told what segments `from` to `to` took on the edge. */
  readonly onEdgeRun: (from: number, to: number, ms: number) => void
  /** Resolves after so many milliseconds, or at once when aborted. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
}

export interface Operation {
  /** Unique among the operations under way: the crossing tensors are kept under it. */
  readonly id: string
  readonly plan: Prediction
  readonly worker: string | undefined
  /** The model's input; asked for only where the edge computes. */
  readonly input: () => Promise<TensorValue>
  /** The input in the plan's codec; asked for only where the input is what is sent. */
  readonly encodedInput: () => Promise<Uint8Array>
  readonly resume: Resume
  /** The edge gives no answer by itself: for comparing with policies that cannot. */
  readonly remoteOnly: boolean
  readonly deadlineMs: number
  readonly signal: AbortSignal
}

export interface SurgeryResult {
  readonly values: readonly TensorValue[]
  readonly finishedAt: 'edge' | 'worker'
  readonly headMs: number
  readonly encodeMs: number
  /** Of the request's frame; 0 where nothing was sent. */
  readonly bytes: number
  readonly remote?: Omit<RemoteAnswer, 'values'>
}

/**
 * Carries a plan out: head, then the crossing tensors to the worker while the edge goes on by itself from the very
 * same tensors. The first answer wins, the other is cancelled.
 * @throws {AggregateError} when neither gave an answer; the cause of a failed head.
 */
export async function operate(theatre: Theatre, operation: Operation): Promise<SurgeryResult> {
  const { chain, inference } = theatre
  const { id, plan, worker, signal } = operation
  const { wound, codec } = plan.point
  const place = wound === localWound ? chain.segments.length : chain.indexOf(wound)
  const over = linkedAbort(signal)
  let headMs = 0
  let encodeMs = 0
  let bytes = 0
  try {
    if (place === chain.segments.length || worker === undefined) {
      const { values, busyMs } = await finishLocally(theatre, operation, 0, over.signal)
      return { values, finishedAt: 'edge', headMs: busyMs, encodeMs, bytes }
    }
    let parts: () => Promise<Part[]>
    if (place === 0) {
      parts = async () => [{ name: 'input', shape: [], bytes: await operation.encodedInput() }]
    } else {
      const head = await runHead(theatre, operation, place, codec, signal)
      headMs = sum(head.segmentMs)
      theatre.onEdgeRun(0, place, headMs)
      encodeMs = head.encodeMs
      const sent = head.encoded.map((part, i) => ({ ...part, name: String(chain.crossing(place)[i]) }))
      parts = async () => sent
    }
    const remote = parts().then((ready) =>
      theatre.pool.request({
        worker,
        wound,
        codec,
        parts: ready,
        timeLeftMs: operation.deadlineMs - theatre.now(),
        signal: over.signal,
        outputShapes: theatre.outputShapes,
        onFrame: (frameBytes) => {
          bytes = frameBytes
        },
      }),
    )
    const byWorker = remote.then(({ values, ...durations }) => ({
      values,
      finishedAt: 'worker' as const,
      remote: durations,
    }))
    const attempts: Promise<Pick<SurgeryResult, 'values' | 'finishedAt' | 'remote'>>[] = [byWorker]
    if (!operation.remoteOnly) attempts.push(resumeLocally(theatre, operation, place, byWorker, over.signal))
    const first = await Promise.any(attempts)
    return { ...first, headMs, encodeMs, bytes }
  } finally {
    over.abort()
    over.release()
    inference.drop(id)
  }
}

/** The edge's own answer from wound `place` on; waits for the worker to be late first where the policy says so. */
async function resumeLocally(
  theatre: Theatre,
  operation: Operation,
  place: number,
  byWorker: Promise<unknown>,
  signal: AbortSignal,
): Promise<Pick<SurgeryResult, 'values' | 'finishedAt'>> {
  if (operation.resume === 'when-late') {
    const { resumeMs, edgeMs } = operation.plan
    const failed = byWorker.then(
      () => undefined,
      () => undefined,
    )
    await Promise.race([theatre.pause(resumeMs - edgeMs, signal), failed])
  }
  const { values } = await finishLocally(theatre, operation, place, signal)
  return { values, finishedAt: 'edge' }
}

function runHead(
  { chain, inference }: Theatre,
  operation: Operation,
  place: number,
  codec: string,
  signal: AbortSignal,
): Promise<RunReply> {
  return operation.input().then((input) =>
    inference.run(
      {
        request: operation.id,
        segments: chain.segments.slice(0, place).map((segment) => segment.key),
        input: { kind: 'values', tensors: chain.crossing(0), values: [input] },
        output: chain.crossing(place),
        keep: true,
        encode: { codec, wound: chain.wounds[place]!.id },
        values: false,
      },
      { signal },
    ),
  )
}

/** Runs the segments from `place` on, each as a run of its own so that another request's head can go in between. */
async function finishLocally(
  { chain, inference, now, onEdgeRun }: Theatre,
  operation: Operation,
  place: number,
  signal: AbortSignal,
): Promise<{ values: readonly TensorValue[]; busyMs: number }> {
  const insured = operation.plan.remoteMs
  // While the worker's answer is expected the local tail is only insurance: heads of other requests go first.
  const dueMs = now() + (Number.isFinite(insured) ? insured : 0)
  const input = place === 0 ? await operation.input() : undefined
  let values: readonly TensorValue[] = []
  let busyMs = 0
  for (let i = place; i < chain.segments.length; i++) {
    const last = i + 1 === chain.segments.length
    const reply = await inference.run(
      {
        request: operation.id,
        segments: [chain.segments[i]!.key],
        input:
          input !== undefined && i === 0
            ? { kind: 'values', tensors: chain.crossing(0), values: [input] }
            : { kind: 'kept' },
        output: chain.crossing(i + 1),
        keep: !last,
        values: last,
      },
      { dueMs, signal },
    )
    values = reply.values
    const segmentMs = sum(reply.segmentMs)
    onEdgeRun(i, i + 1, segmentMs)
    busyMs += segmentMs
  }
  return { values, busyMs }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
