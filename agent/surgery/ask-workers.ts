import { after } from '../../src/async/clock.ts'
import { linkedAbort } from '../../src/async/linked-abort.ts'
import type { PooledWorker } from '../../src/latency-model/worker-belief.ts'
import type { RemoteAnswer } from '../accept-answer.ts'
import { RequestError } from '../request-error.ts'
import type { Instruments, Surgery } from './surgery.ts'

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
 * The crossing tensors or the input, to the plan's worker; where the edge cannot finish, to another after one that has
 * failed or is silent, while there is time.
 */
export async function askWorkers(
  instruments: Instruments,
  surgery: Surgery,
  crossing: readonly Uint8Array[] | undefined,
  signal: AbortSignal,
): Promise<RemoteAnswer> {
  const { clock } = instruments
  const { measured, plan, remoteOnly } = surgery
  const beginMs = clock.now()
  const parts = crossing ?? (await surgery.encodedInput())
  if (crossing === undefined) measured.sendMs = clock.now() - beginMs
  const failed = new Set<string>()
  for (let worker = surgery.worker!; ; ) {
    const attempt = linkedAbort(signal)
    try {
      const answer = askWorker(instruments, surgery, worker, parts, attempt.signal)
      if (!remoteOnly) return await answer
      const patienceMs = Math.max(silentMs, silentFactor * (plan.remoteMs - plan.edgeMs))
      const hasAnother = () => remoteOnly.another(new Set([...failed, worker.id])) !== undefined
      return await Promise.race([
        answer,
        silence(instruments, worker, patienceMs, hasAnother, attempt.signal),
      ])
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

/**
 * Rejects after `patienceMs` or later, as soon as there is another worker: who has nobody else to ask waits on, since what
 * was sent may still be on a slow link.
 */
async function silence(
  { clock }: Instruments,
  { id }: PooledWorker,
  patienceMs: number,
  hasAnother: () => boolean,
  signal: AbortSignal,
): Promise<never> {
  const beginMs = clock.now()
  do await after(clock, patienceMs, signal)
  while (!signal.aborted && !hasAnother())
  throw new RequestError(
    'worker-failed',
    `Worker ${id} did not answer in ${Math.round(clock.now() - beginMs)} ms`,
  )
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
