import * as fc from 'fast-check'
import { type QueuedRequest, type QueueLimits, RequestQueue } from '../../backend/request-queue.ts'
import type { CallTimes } from '../../backend/service-order.ts'

export const limits: QueueLimits = {
  maxBytes: 1000,
  maxRequests: 20,
  maxWaitMs: 500,
  maxPrepared: 3,
  slackMs: 40,
}
let nextKey = 0

export function request(fields: Partial<QueuedRequest> = {}): QueuedRequest {
  const defaults = { sender: 'a', line: 'm', wound: 'w', dueMs: 1e6, bytes: 10, preparation: 'none' as const }
  return { key: `${nextKey++}`, ...defaults, ...fields }
}

/** A call takes 10 ms for each request, or less where several share it. */
export function times(batch = 1, togetherMs = 15, freeAtMs = 0): CallTimes {
  return {
    freeAtMs: () => freeAtMs,
    batchLimit: () => batch,
    callMs: (_, requests) => (batch === 1 ? 10 * requests : requests === 1 ? 10 : togetherMs),
  }
}

export function queueOf(changed: Partial<QueueLimits> = {}, model = times()): RequestQueue<QueuedRequest> {
  return new RequestQueue({ ...limits, ...changed }, new Map([['m', model]]))
}

/** Serves everything, each call as long as expected; the requests in order and when each was begun. */
export function serveAll(
  queue: RequestQueue<QueuedRequest>,
  model: CallTimes,
  beginMs: number,
): { request: QueuedRequest; beginMs: number }[] {
  const served = []
  for (let nowMs = beginMs; ; ) {
    const { call } = queue.next('m', nowMs)
    if (call.length === 0) return served
    for (const each of call) served.push({ request: each, beginMs: nowMs })
    nowMs += model.callMs(call[0]!.wound, call.length)
    queue.done('m')
  }
}

export const arrivals = fc.array(
  fc.record({
    sender: fc.constantFrom('a', 'b', 'c'),
    wound: fc.constantFrom('w', 'v'),
    leftMs: fc.integer({ min: 0, max: 900 }),
    bytes: fc.integer({ min: 1, max: 200 }),
    preparation: fc.constantFrom('none' as const, 'cheap' as const, 'expensive' as const),
  }),
  { maxLength: 40 },
)
