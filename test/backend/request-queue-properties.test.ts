import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { QueuedRequest } from '../../backend/request-queue.ts'
import { arrivals, limits, queueOf, request, serveAll, times } from './request-queue-setup.ts'

const event = fc.oneof(
  { weight: 4, arbitrary: arrivals.map((list) => ({ kind: 'arrive' as const, list: list.slice(0, 3) })) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 60 }).map((ms) => ({ kind: 'compute' as const, ms })) },
  { weight: 1, arbitrary: fc.nat(30).map((nth) => ({ kind: 'cancel' as const, nth })) },
  { weight: 2, arbitrary: fc.constantFrom('cheap' as const, 'expensive' as const).map((kind) => ({ kind })) },
)
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never

/** Plays events on a queue, with books of its own; what the queue did against its rules. */
function faultsOf(events: readonly Event[], batch: number): string[] {
  const queue = queueOf({}, times(batch))
  const faults: string[] = []
  const check = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault)
  }
  const inside = new Map<string, QueuedRequest>()
  const leave = ({ key }: QueuedRequest) => check(inside.delete(key), 'left twice')
  const next = (nowMs: number) => {
    const { expired, call } = queue.next('m', nowMs)
    for (const each of expired) {
      check(each.dueMs < nowMs, 'expired in time')
      leave(each)
    }
    check(new Set(call.map(({ wound }) => wound)).size <= 1, 'a call of several wounds')
    check(call.length <= batch, 'a batch too large')
    for (const each of call) check(each.dueMs >= nowMs, 'computed too late')
    return call
  }
  const prepare = (kind: 'cheap' | 'expensive') => {
    const each = queue.nextToPrepare(kind)
    if (each === undefined) return false
    check(each.preparation === kind && inside.has(each.key), 'prepared what it should not')
    check(queue.ready(each.key), 'prepared in vain')
    return true
  }
  let running: readonly QueuedRequest[] = []
  let nowMs = 0
  const compute = (ms: number) => {
    nowMs += ms
    for (const each of running) leave(each)
    queue.done('m')
    running = next(nowMs)
  }
  const arrive = (each: QueuedRequest) => {
    const admission = queue.admit(each, nowMs)
    if (admission.kind === 'refused') return
    inside.set(each.key, each)
    for (const victim of admission.evicted) {
      check(victim.sender !== each.sender, 'its own gave way')
      leave(victim)
    }
  }
  for (const what of events) {
    if (what.kind === 'arrive')
      for (const { leftMs, ...fields } of what.list) arrive(request({ ...fields, dueMs: nowMs + leftMs }))
    else if (what.kind === 'compute') compute(what.ms)
    else if (what.kind === 'cancel') {
      const each = [...inside.values()][what.nth]
      if (each === undefined) continue
      const { kind } = queue.cancel(each.key)
      check(kind === (running.includes(each) ? kind : 'dropped') && kind !== 'unknown', `cancelled: ${kind}`)
      check(!queue.isWanted(each), 'wanted though given up')
      if (kind === 'dropped') leave(each)
    } else prepare(what.kind)
    const bytes = [...inside.values()].reduce((sum, each) => sum + each.bytes, 0)
    check(queue.bytes === bytes && queue.size === inside.size, 'its books are wrong')
    check(bytes <= limits.maxBytes && inside.size <= limits.maxRequests, 'its bounds are broken')
  }
  // Whatever is still there is prepared, computed or found to be too late.
  for (let n = 0; inside.size > 0 && n < 300; n++) {
    while (prepare('cheap') || prepare('expensive'));
    compute(10)
  }
  check(inside.size === 0 && queue.bytes === 0, 'something stayed')
  return faults
}

describe('RequestQueue, any requests', () => {
  test('keeps its bounds, and each admitted request leaves exactly once, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), fc.constantFrom(1, 4), (events, batch) => {
        expect(faultsOf(events, batch)).toEqual([])
      }),
      { numRuns: 400 },
    )
  })

  test('the wait it predicts is the wait there is, when no other comes and calls take what is expected', () => {
    fc.assert(
      fc.property(arrivals, fc.constantFrom(1, 3), (list, batch) => {
        const model = times(batch, 17)
        const queue = queueOf({ maxBytes: 1e9, maxRequests: 1e9, maxWaitMs: 1e9 }, model)
        for (const { sender, wound } of list) queue.admit(request({ sender, wound, dueMs: 1e5 }), 1000)
        // What nobody hurries has to wait for all of it that its sender may not overtake.
        const last = request({ sender: 'd', dueMs: 1e6 })
        const waitMs = queue.waitMs('m', 1000)
        queue.admit(last, 1000)
        const served = serveAll(queue, model, 1000)
        expect(served.length).toBe(list.length + 1)
        const begunMs = served.find((each) => each.request === last)!.beginMs - 1000
        // A stranger's request shares no call.
        expect(batch === 1 ? waitMs === begunMs : waitMs >= begunMs).toBe(true)
      }),
    )
  })

  test('serves one sender earliest due first, whatever came first', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 300, max: 1000 }), { maxLength: 20 }), (dues) => {
        const queue = queueOf()
        for (const dueMs of dues) queue.admit(request({ dueMs }), 0)
        const served = serveAll(queue, times(), 0).map((each) => each.request.dueMs)
        expect(served).toEqual(dues.toSorted((a, b) => a - b))
      }),
    )
  })

  test('a sender that floods delays another by no more than the slack and a call', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 900 }), (senders, leftMs) => {
        const queue = queueOf({ maxRequests: 1000, maxBytes: 1e9, maxWaitMs: 1e9 })
        // Whatever due times the flooder claims.
        for (let n = 0; n < 60; n++) queue.admit(request({ sender: 'flood', dueMs: 5000 + leftMs }), 0)
        for (let n = 0; n < senders; n++) queue.admit(request({ sender: `quiet ${n}`, dueMs: 1e6 }), 0)
        const served = serveAll(queue, times(), 0)
        // The flooder gets what is left.
        expect(served.length).toBe(60 + senders)
        const quiet = served.filter((each) => each.request.sender !== 'flood')
        expect(quiet.length).toBe(senders)
        const latestMs = Math.max(...quiet.map(({ beginMs }) => beginMs))
        expect(latestMs).toBeLessThanOrEqual(limits.slackMs + 10 + 10 * senders)
      }),
    )
  })

  test('a batch never makes a member late that would be in time alone', () => {
    const dues = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(dues, fc.integer({ min: 10, max: 60 }), (list, togetherMs) => {
        const queue = queueOf({}, times(4, togetherMs))
        for (const dueMs of list) queue.admit(request({ dueMs }), 0)
        const { call } = queue.next('m', 0)
        const endMs = times(4, togetherMs).callMs('w', call.length)
        for (const { dueMs } of call) expect(call.length === 1 || dueMs >= endMs || dueMs < 10).toBe(true)
      }),
    )
  })
})
