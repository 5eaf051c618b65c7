import type { AnswerSpec } from '../src/answer/answer-spec.ts'
import { after, type Clock } from '../src/async/clock.ts'
import { linkedAbort } from '../src/async/linked-abort.ts'
import type { InferenceHost, RunningJob } from '../src/executor/inference-host.ts'
import type { ModelInput } from '../src/executor/inference-protocol.ts'
import type { SegmentChain } from '../src/executor/segment-chain.ts'
import type { PooledWorker } from '../src/latency-model/worker-belief.ts'
import type { Prediction, Resume } from '../src/scheduler/choose-plan.ts'
import { localWound } from '../src/scheduler/plan-point.ts'
import type { Measured } from '../src/telemetry/request-record.ts'
import type { TensorValue } from '../src/tensor/tensor-value.ts'
import type { RemoteAnswer } from './accept-answer.ts'
import type { Exchange } from './exchange.ts'
import { RequestError } from './request-error.ts'

/** What one surgery needs of the rest of the agent. */
export interface Instruments {
  readonly inference: Pick<InferenceHost, 'run' | 'runJob' | 'drop'>
  readonly chain: SegmentChain
  readonly exchange: Pick<Exchange, 'request'>
  readonly outputShapes: readonly (readonly number[])[]
  readonly clock: Clock
  /** What a segment is expected to take on the edge now. */
  readonly segmentMs: (index: number) => number
  /** Told what segments `from` to `to` took on the edge. */
  readonly onEdgeRun: (from: number, to: number, ms: number) => void
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

/**
 * A worker's answer is worth nothing once the edge has its own; so much later than predicted that may be. As the door of
 * a stream has it: heads of others go before what the edge does by itself, and with 1.5 what was still to be answered
 * by a worker expired there and took the edge's time instead, from heads that were late in turn.
 */
const marginFactor = 4
const marginMs = 50
/** Where the edge cannot finish, a worker that has taken so many times as long as predicted is taken for silent. */
const silentFactor = 3
const silentMs = 1000

/**
 * Carries a plan out: head, then the edge goes on by itself while the very same tensors go to the worker. The first
 * answer wins, and the other is cancelled: a segment under way ends, nothing after it begins.
 * @throws {AggregateError} when neither gave an answer; the cause of a failed head.
 */
export async function operate(instruments: Instruments, surgery: Surgery): Promise<SurgeryResult> {
  const { chain, inference } = instruments
  const { id, plan, worker, signal, measured } = surgery
  const place = plan.point.wound === localWound ? chain.segments.length : chain.indexOf(plan.point.wound)
  const over = linkedAbort(signal)
  try {
    if (place === chain.segments.length || worker === undefined) {
      const finish = localFinish(instruments, surgery, 0, 'urgent', over.signal)
      return { values: await finish.values, finishedAt: 'edge' }
    }
    const crossing = place === 0 ? undefined : await runHead(instruments, surgery, place)
    const attempts: Promise<SurgeryResult>[] = []
    // A frame is made and sent only after the edge has been told to go on: insurance must not cost the answer time.
    const sent = deferCall(() => askWorkers(instruments, surgery, crossing, over.signal))
    if (!surgery.remoteOnly) attempts.push(resumeLocally(instruments, surgery, place, sent.done, over.signal))
    attempts.push(sent.done.then(({ values, isDamaged }) => ({ values, isDamaged, finishedAt: 'worker' })))
    sent.call()
    return await Promise.any(attempts)
  } finally {
    over.abort()
    over.release()
    inference.drop(id)
    if (measured.sentBytes > 0) measured.remoteOutcome ??= 'given-up'
  }
}

/** A promise for what a function will give, before it is called. */
function deferCall<T>(work: () => Promise<T>): { readonly done: Promise<T>; readonly call: () => void } {
  let call!: () => void
  const called = new Promise<void>((resolve) => {
    call = resolve
  })
  return { done: called.then(work), call }
}

/**
 * The edge's own answer from wound `place` on: at once as insurance, which becomes urgent when the worker has failed or
 * is late, or only then, as the policy says.
 */
async function resumeLocally(
  instruments: Instruments,
  surgery: Surgery,
  place: number,
  byWorker: Promise<unknown>,
  signal: AbortSignal,
): Promise<SurgeryResult> {
  const { clock } = instruments
  const { plan, plannedAtMs, deadlineMs } = surgery
  // Whatever was expected of the worker: with twice the time that the edge takes by itself it is still done in time.
  const edgeOnlyMs =
    expectedMs(instruments, place, instruments.chain.segments.length) + (place === 0 ? plan.point.inputMs : 0)
  const latestMs = deadlineMs - plannedAtMs - 2 * edgeOnlyMs
  const failed = byWorker.then(
    () => new Promise<never>(() => undefined),
    () => undefined,
  )
  const until = (ms: number) => Promise.race([after(clock, plannedAtMs + ms - clock.now(), signal), failed])
  if (surgery.resume === 'when-late') {
    await until(Math.min(plan.lateMs, latestMs))
    const finish = localFinish(instruments, surgery, place, 'urgent', signal)
    return { values: await finish.values, finishedAt: 'edge' }
  }
  const finish = localFinish(instruments, surgery, place, 'insurance', signal)
  // Where many requests are under way many are a little late: only one that is later than the edge is.
  void until(Math.min(plan.lateMs + plan.localMs, latestMs)).then(finish.hurry)
  return { values: await finish.values, finishedAt: 'edge' }
}

/**
 * The crossing tensors or the input, to the plan's worker; where the edge cannot finish, to another after one that has
 * failed or is silent, while there is time.
 */
async function askWorkers(
  instruments: Instruments,
  surgery: Surgery,
  crossing: readonly Uint8Array[] | undefined,
  signal: AbortSignal,
): Promise<RemoteAnswer> {
  const { clock } = instruments
  const { measured, plan, deadlineMs, remoteOnly } = surgery
  const beginMs = clock.now()
  const parts = crossing ?? (await surgery.encodedInput())
  if (crossing === undefined) measured.sendMs = clock.now() - beginMs
  const failed = new Set<string>()
  for (let worker = surgery.worker!; ; ) {
    const attempt = linkedAbort(signal)
    try {
      const answer = askWorker(instruments, surgery, worker, parts, attempt.signal)
      if (!remoteOnly) return await answer
      const patienceMs = Math.min(
        deadlineMs - clock.now(),
        Math.max(silentMs, silentFactor * (plan.remoteMs - plan.edgeMs)),
      )
      const silent = after(clock, patienceMs, attempt.signal).then(() => {
        throw new RequestError(
          'worker-failed',
          `Worker ${worker.id} did not answer in ${Math.round(patienceMs)} ms`,
        )
      })
      return await Promise.race([answer, silent])
    } catch (error) {
      failed.add(worker.id)
      if (!signal.aborted) measured.remoteOutcome = 'failed'
      const isWorkers = !(error instanceof RequestError && error.code === 'bad-input')
      // What came was not looked into before it was sent: what is wrong with it, if anything is, is found here.
      if (!isWorkers && crossing === undefined) await surgery.input()
      const next = isWorkers && !signal.aborted && remoteOnly ? remoteOnly.another(failed) : undefined
      if (next === undefined) throw error
      worker = next
    } finally {
      attempt.abort()
      attempt.release()
    }
  }
}

async function askWorker(
  { exchange, clock, outputShapes }: Instruments,
  { plan, plannedAtMs, deadlineMs, remoteOnly, measured, answer: spec, onSending }: Surgery,
  worker: PooledWorker,
  parts: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<RemoteAnswer> {
  const { wound, codec, backendDecode, backendDecodeMs, backendTailMs } = plan.point
  const edgeDoneMs = plannedAtMs + plan.localMs * marginFactor + marginMs
  const answer = await exchange.request({
    worker: worker.id,
    wound,
    codec,
    parts,
    work: { decode: backendDecode, decodeMs: backendDecodeMs, tailMs: backendTailMs },
    timeLeftMs: (remoteOnly ? deadlineMs : Math.min(deadlineMs, edgeDoneMs)) - clock.now(),
    returnMs: plan.returnMs,
    signal,
    outputShapes,
    ...(spec !== undefined && { answer: spec }),
    onFrame: (bytes) => {
      onSending()
      measured.sentBytes += bytes
    },
    onArrived: (ms) => {
      measured.ackMs = ms
    },
  })
  const { queueMs, decodeMs, elapsedMs } = answer
  measured.remote = { queueMs, decodeMs, elapsedMs }
  measured.remoteOutcome = 'answered'
  return answer
}

/** What crosses at wound `place`, encoded; the values themselves stay with the engine. */
async function runHead(
  instruments: Instruments,
  surgery: Surgery,
  place: number,
): Promise<readonly Uint8Array[]> {
  const { chain, inference, onEdgeRun } = instruments
  const { id, plan, input, signal, measured, onQueued } = surgery
  const given = await input()
  const running = inference.run(
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
  const reply = await running
  measured.engineWaitMs = reply.queueMs
  measured.headMs = sum(reply.segmentMs)
  measured.encodeMs = reply.encodeMs
  onEdgeRun(0, place, measured.headMs)
  return reply.encoded.map(({ bytes }) => bytes)
}

interface LocalFinish {
  readonly values: Promise<readonly TensorValue[]>
  /** From its next segment on it is urgent. */
  readonly hurry: () => void
}

/** The segments from `place` on, between which what is more urgent goes first. */
function localFinish(
  instruments: Instruments,
  surgery: Surgery,
  place: number,
  begun: 'urgent' | 'insurance',
  signal: AbortSignal,
): LocalFinish {
  const { chain, inference, clock, onEdgeRun } = instruments
  const { plan, plannedAtMs, measured, onQueued } = surgery
  let urgency = begun
  let job: RunningJob | undefined
  // While the worker's answer is expected the local tail is only insurance: heads of other requests go first.
  let dueMs = urgency === 'insurance' ? plannedAtMs + plan.remoteMs : clock.now()
  const compute = (input: ModelInput | undefined) => {
    job = inference.runJob(
      {
        request: surgery.id,
        steps: chain.segments.slice(place).map((segment, i) => ({
          segment: segment.key,
          output: chain.crossing(place + i + 1),
          expectedMs: instruments.segmentMs(place + i),
        })),
        input: input === undefined ? { kind: 'kept' } : { ...input, tensors: chain.crossing(0) },
        keep: false,
        values: true,
      },
      {
        dueMs,
        urgency,
        signal,
        onSegment: (i, ms) => {
          onEdgeRun(place + i, place + i + 1, ms)
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

function expectedMs({ segmentMs }: Instruments, from: number, to: number): number {
  let total = 0
  for (let i = from; i < to; i++) total += segmentMs(i)
  return total
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
