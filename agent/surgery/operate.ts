import { after } from '../../src/async/clock.ts'
import { linkedAbort } from '../../src/async/linked-abort.ts'
import type { RunningJob } from '../../src/executor/inference-host.ts'
import { localWound } from '../../src/scheduler/plan-point.ts'
import { askWorkers } from './ask-workers.ts'
import { finishLocally } from './finish-locally.ts'
import { runHead } from './run-head.ts'
import { expectedMs, type Instruments, type Surgery, type SurgeryResult } from './surgery.ts'

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
      const finish = finishLocally(instruments, surgery, 0, { urgency: 'urgent' }, over.signal)
      return { values: await finish.values, finishedAt: 'edge' }
    }
    const head = place === 0 ? undefined : await runHead(instruments, surgery, place)
    let crossing: readonly Uint8Array[] | undefined
    const sent = deferCall(() => askWorkers(instruments, surgery, crossing, over.signal))
    const attempts: Promise<SurgeryResult>[] = []
    // Told to go on before a frame is made and sent, with the head: insurance must not cost the answer time.
    if (!surgery.remoteOnly)
      attempts.push(resumeLocally(instruments, surgery, place, head?.job, sent.done, over.signal))
    attempts.push(sent.done.then(({ values, isDamaged }) => ({ values, isDamaged, finishedAt: 'worker' })))
    const first = Promise.any(attempts)
    // A failed head is the error of all: there is nothing to go on from.
    first.catch(() => undefined)
    crossing = await head?.crossing
    sent.call()
    return await first
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
  head: RunningJob | undefined,
  byWorker: Promise<unknown>,
  signal: AbortSignal,
): Promise<SurgeryResult> {
  const { clock } = instruments
  const { plan, plannedAtMs, deadlineMs } = surgery
  // Whatever was expected of the worker: with twice the time that the edge takes by itself it is still done in time.
  const edgeOnlyMs =
    expectedMs(instruments, place, instruments.chain.segments.length, plan.point.precision) +
    (place === 0 ? plan.point.inputMs : 0)
  const latestMs = deadlineMs - plannedAtMs - 2 * edgeOnlyMs
  const failed = byWorker.then(
    () => new Promise<never>(() => undefined),
    () => undefined,
  )
  const until = (ms: number) => Promise.race([after(clock, plannedAtMs + ms - clock.now(), signal), failed])
  if (surgery.resume === 'when-late') {
    await until(Math.min(plan.lateMs, latestMs))
    const finish = finishLocally(instruments, surgery, place, { urgency: 'urgent', after: head }, signal)
    return { values: await finish.values, finishedAt: 'edge' }
  }
  const finish = finishLocally(instruments, surgery, place, { urgency: 'insurance', after: head }, signal)
  // Where many requests are under way many are a little late: only one that is later than the edge is.
  void until(Math.min(plan.lateMs + plan.localMs, latestMs)).then(finish.hurry)
  return { values: await finish.values, finishedAt: 'edge' }
}
