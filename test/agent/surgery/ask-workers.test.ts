import { expect, test } from 'vitest'
import type { RemoteAnswer } from '../../../agent/accept-answer.ts'
import { askWorkers } from '../../../agent/surgery/ask-workers.ts'
import { VirtualClock } from '../../../lab/replay/virtual-clock.ts'
import { after } from '../../../src/async/clock.ts'
import type { PooledWorker } from '../../../src/latency-model/worker-belief.ts'
import { noBackend, predict } from '../../../src/scheduler/choose-plan.ts'
import { toySetup } from '../../scheduler/toy-setup.ts'

const deadlineMs = 10_000
const link = { uplinkBps: 1e6, downlinkBps: 1e6, roundTripMs: 10, backlogBytes: 0, relativeDeviation: 0.1 }

/**
 * Who answers what only workers can, and when; of the first worker an answer was expected after some milliseconds.
 * @param answersAtMs when which worker answers, from when it was asked
 * @param joinsAtMs when the second worker does
 */
async function asked(answersAtMs: Readonly<Record<string, number>>, joinsAtMs: number) {
  const clock = new VirtualClock()
  const end = new AbortController()
  let outcome: string | undefined
  const request = async ({ worker }: { worker: string }): Promise<RemoteAnswer> => {
    await after(clock, answersAtMs[worker] ?? Number.POSITIVE_INFINITY)
    return { worker, queueMs: 0, decodeMs: 0, elapsedMs: 1 } as never
  }
  const answer = askWorkers(
    {
      chain: toySetup().chain,
      inference: {} as never,
      exchange: { request },
      outputShapes: [],
      clock,
      segmentMs: () => 1,
      onEdgeRun: () => undefined,
    },
    {
      id: 'asked',
      plannedAtMs: 0,
      plan: predict(
        {
          wound: 'input',
          codec: 'received',
          inputMs: 0,
          headMs: 0,
          encodeMs: 0,
          localTailMs: 0,
          sendMs: 0,
          bytes: 100,
          backendDecode: 'none',
          backendDecodeMs: 0,
          backendTailMs: 5,
          resultBytes: 100,
        },
        { edgeFactor: 1, edgeWaitMs: 0, link, resume: 'when-late', ...noBackend },
      ),
      worker: { id: 'first' } as PooledWorker,
      input: async () => ({ kind: 'values', values: [] }),
      encodedInput: async () => [new Uint8Array(100)],
      resume: 'when-late',
      remoteOnly: {
        another: (failed) =>
          clock.now() >= joinsAtMs && !failed.has('second') ? ({ id: 'second' } as PooledWorker) : undefined,
      },
      deadlineMs,
      signal: end.signal,
      onQueued: () => undefined,
      onSending: () => undefined,
      measured: { totalMs: 0, sentBytes: 0 },
    },
    undefined,
    end.signal,
  )
  answer.then(
    (value) => {
      outcome = `${(value as unknown as { worker: string }).worker} at ${clock.now()}`
    },
    () => {
      outcome = 'failed'
    },
  )
  await clock.runUntil(deadlineMs)
  end.abort()
  return outcome
}

test('askWorkers(): with nobody else to ask, a worker that is late is waited for', async () => {
  expect(await asked({ first: 9000 }, Number.POSITIVE_INFINITY)).toBe('first at 9000')
})

test('askWorkers(): another worker is asked after a silence, also one that joins later', async () => {
  expect(await asked({ first: 9000, second: 5 }, 0)).toBe('second at 1005')
  expect(await asked({ first: 9000, second: 5 }, 2500)).toBe('second at 3005')
})

test('askWorkers(): waiting ends with the request', async () => {
  expect(await asked({}, Number.POSITIVE_INFINITY)).toBeUndefined()
})
