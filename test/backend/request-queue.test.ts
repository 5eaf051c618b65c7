import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type QueuedRequest, type QueueLimits, RequestQueue } from '../../backend/request-queue.ts'
import type { CallTimes } from '../../backend/service-order.ts'

const limits: QueueLimits = { maxBytes: 1000, maxRequests: 20, maxWaitMs: 500, maxPrepared: 3, slackMs: 40 }
let nextKey = 0

function request(fields: Partial<QueuedRequest> = {}): QueuedRequest {
  const defaults = { sender: 'a', line: 'm', wound: 'w', dueMs: 1e6, bytes: 10, preparation: 'none' as const }
  return { key: `${nextKey++}`, ...defaults, ...fields }
}

/** A call takes 10 ms for each request, or less where several share it. */
function times(batch = 1, togetherMs = 15, freeAtMs = 0): CallTimes {
  return {
    freeAtMs: () => freeAtMs,
    batchLimit: () => batch,
    callMs: (_, requests) => (batch === 1 ? 10 * requests : requests === 1 ? 10 : togetherMs),
  }
}

function queueOf(changed: Partial<QueueLimits> = {}, model = times()): RequestQueue<QueuedRequest> {
  return new RequestQueue({ ...limits, ...changed }, new Map([['m', model]]))
}

/** Serves everything, each call as long as expected; the requests in order and when each was begun. */
function serveAll(
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

const arrivals = fc.array(
  fc.record({
    sender: fc.constantFrom('a', 'b', 'c'),
    wound: fc.constantFrom('w', 'v'),
    leftMs: fc.integer({ min: 0, max: 900 }),
    bytes: fc.integer({ min: 1, max: 200 }),
    preparation: fc.constantFrom('none' as const, 'cheap' as const, 'expensive' as const),
  }),
  { maxLength: 40 },
)

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

describe('RequestQueue', () => {
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

  test('a refusal tells the wait that there would have been', () => {
    fc.assert(
      fc.property(arrivals, (list) => {
        const fill = (maxWaitMs: number) => {
          const queue = queueOf({ maxBytes: 1e9, maxRequests: 1e9, maxWaitMs })
          for (const { sender } of list) queue.admit(request({ sender }), 0)
          return queue
        }
        const wide = fill(1e9)
        const newcomer = request({ dueMs: 2e6 })
        wide.admit(newcomer, 0)
        const { beginMs: waitMs } = serveAll(wide, times(), 0).find((each) => each.request === newcomer)!
        // Everybody before it waits less, so they are all admitted.
        expect(fill(waitMs).admit(newcomer, 0)).toMatchObject({ kind: 'admitted' })
      }),
    )
    const queue = queueOf({ maxWaitMs: 25 })
    for (let n = 0; n < 3; n++) queue.admit(request(), 0)
    expect(queue.admit(request(), 0)).toEqual({ kind: 'refused', reason: 'wait', waitMs: 30 })
  })

  test('what the engine does besides is waited for, too', () => {
    const queue = queueOf({}, times(1, 15, 70))
    expect([queue.waitMs('m', 0), queue.waitMs('m', 60), queue.waitMs('m', 80)]).toEqual([70, 10, 0])
    expect(queue.admit(request({ dueMs: 60 }), 0)).toEqual({ kind: 'refused', reason: 'wait', waitMs: 70 })
  })

  test('what would not be begun before it is worth nothing is refused at once', () => {
    const queue = queueOf()
    const [nowMs, dueMs] = [1000, 1005]
    for (let n = 0; n < 6; n++) queue.admit(request({ dueMs: 1100 }), nowMs)
    expect(queue.admit(request({ sender: 'b', dueMs }), nowMs).kind).toBe('admitted')
    queue.next('m', nowMs)
    expect(queue.admit(request({ sender: 'b', dueMs }), nowMs)).toEqual({
      kind: 'refused',
      reason: 'wait',
      waitMs: 10,
    })
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

  test('who comes later begins level with the others, not with all that they have had', () => {
    const queue = queueOf({ maxRequests: 1000, maxBytes: 1e9, maxWaitMs: 1e9 })
    for (let n = 0; n < 100; n++) queue.admit(request({ sender: 'old', dueMs: 1e5 }), 0)
    let nowMs = 0
    for (let n = 0; n < 50; n++) {
      queue.next('m', nowMs)
      nowMs += 10
      queue.done('m')
    }
    for (let n = 0; n < 50; n++) queue.admit(request({ sender: 'new', dueMs: 1e5 }), nowMs)
    const senders = serveAll(queue, times(), nowMs).map((each) => each.request.sender)
    const first = senders.slice(0, 40)
    expect(first.filter((sender) => sender === 'new').length).toBeGreaterThanOrEqual(15)
    expect(first.filter((sender) => sender === 'old').length).toBeGreaterThanOrEqual(15)
  })

  test('where there is no room, whoever holds most gives way, latest due first, never for its own', () => {
    const queue = queueOf({ maxBytes: 100 })
    const held = Array.from({ length: 10 }, (_, n) => request({ sender: 'flood', dueMs: 1000 + n }))
    for (const each of held) expect(queue.admit(each, 0)).toEqual({ kind: 'admitted', evicted: [] })
    expect(queue.admit(request({ sender: 'flood' }), 0)).toMatchObject({ kind: 'refused', reason: 'full' })
    expect(queue.admit(request({ sender: 'quiet', bytes: 20 }), 0)).toEqual({
      kind: 'admitted',
      evicted: [held[9], held[8]],
    })
    // Nobody may have more than the flooder has left: then it is refused itself.
    expect(queue.admit(request({ sender: 'quiet', bytes: 50 }), 0)).toMatchObject({ kind: 'refused' })
    expect(queue.bytes).toBe(100)
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

  test('who is late anyway does not keep others from sharing a call', () => {
    const queue = queueOf({}, times(3, 40))
    for (const dueMs of [1005, 1100, 1200]) queue.admit(request({ dueMs }), 1000)
    expect(queue.next('m', 1000).call.length).toBe(3)
    queue.done('m')
    for (const dueMs of [2015, 2100, 2200]) queue.admit(request({ dueMs }), 2000)
    // Alone the first is in time, with another it would not be.
    expect(queue.next('m', 2000).call.length).toBe(1)
  })

  test('a batch does not make the one late that it overtakes', () => {
    // Two take 15 ms together, the overtaken one 10.
    for (const [dueMs, together] of [
      [1025, 2],
      [1024, 1],
      // Late behind the first alone, too.
      [1019, 2],
    ] as const) {
      const queue = queueOf({}, times(2))
      queue.admit(request({ dueMs: 1017 }), 1000)
      queue.admit(request({ wound: 'v', dueMs }), 1000)
      queue.admit(request({ dueMs: 1500 }), 1000)
      expect(queue.next('m', 1000).call.length).toBe(together)
    }
  })

  test('a member of a batch is charged its share, not the call', () => {
    const queue = queueOf({ maxWaitMs: 1e9, slackMs: 0 }, times(4, 20))
    for (let n = 0; n < 8; n++) queue.admit(request({ sender: 'a', dueMs: 5000 }), 0)
    for (let n = 0; n < 4; n++) queue.admit(request({ sender: 'b', wound: 'v', dueMs: 6000 }), 0)
    const senders = serveAll(queue, times(4, 20), 0).map((each) => each.request.sender)
    // Four of a are as much as four of b.
    expect(senders.join('')).toBe('aaaabbbbaaaa')
    const singly: CallTimes = {
      freeAtMs: () => 0,
      batchLimit: (wound) => (wound === 'w' ? 4 : 1),
      callMs: (_, requests) => (requests === 1 ? 10 : 20),
    }
    const mixed = queueOf({ maxWaitMs: 1e9, slackMs: 0 }, singly)
    for (let n = 0; n < 8; n++) mixed.admit(request({ sender: 'a', dueMs: 5000 }), 0)
    for (let n = 0; n < 4; n++) mixed.admit(request({ sender: 'b', wound: 'v', dueMs: 6000 }), 0)
    const order = serveAll(mixed, singly, 0).map((each) => each.request.sender)
    // Four of a together are as much as two of b.
    expect(order.join('')).toBe('aaaabbaaaabb')
  })

  test('who has left the line is not waited for', () => {
    const queue = queueOf({ maxRequests: 100, maxWaitMs: 205 })
    // Long before its due time.
    queue.admit(request({ sender: 'a', dueMs: 100 }), 0)
    for (let n = 0; n < 20; n++) expect(queue.admit(request({ sender: 'b' }), 0).kind).toBe('admitted')
    expect(queue.admit(request({ sender: 'b' }), 0)).toEqual({
      kind: 'refused',
      reason: 'wait',
      waitMs: 210,
    })
  })

  test('nor who will be too late', () => {
    const queue = queueOf({ maxRequests: 100, maxWaitMs: 215 })
    queue.admit(request({ sender: 'b' }), 0)
    queue.next('m', 0)
    queue.admit(request({ sender: 'a', dueMs: 15 }), 0)
    // Overtakes it, so that it is not begun in time.
    queue.admit(request({ sender: 'e', dueMs: 12 }), 0)
    for (let n = 0; n < 20; n++) expect(queue.admit(request({ sender: 'b' }), 0).kind).toBe('admitted')
    expect(queue.admit(request({ sender: 'b' }), 0)).toMatchObject({ kind: 'refused', waitMs: 220 })
  })

  test('few large requests weigh against many small ones by what is scarce', () => {
    const queue = queueOf({ maxBytes: 100, maxRequests: 8 })
    const large = [1, 2].map(() => request({ sender: 'a', bytes: 20 }))
    const small = [1, 2, 3, 4, 5, 6].map((dueMs) => request({ sender: 'b', bytes: 1, dueMs: dueMs * 1000 }))
    for (const each of [...large, ...small]) queue.admit(each, 0)
    // Six of eight places are more than 40 of 100 bytes.
    expect(queue.admit(request({ sender: 'c', bytes: 1 }), 0)).toMatchObject({ evicted: [small[5]] })
  })

  test('what a sender had is forgotten once nobody waits', () => {
    const queue = queueOf({ slackMs: 0 })
    for (let n = 0; n < 5; n++) queue.admit(request({ sender: 'a' }), 0)
    serveAll(queue, times(), 0)
    queue.admit(request({ sender: 'a', dueMs: 1000 }), 100)
    queue.admit(request({ sender: 'b', dueMs: 2000 }), 100)
    expect(queue.next('m', 100).call[0]!.sender).toBe('a')
  })

  test.each([
    ['bytes', { maxBytes: 100, maxRequests: 1000 }, 10],
    ['requests', { maxBytes: 1e6, maxRequests: 10 }, 10],
    ['requests, of small ones', { maxBytes: 1e6, maxRequests: 10 }, 1],
  ])('the room is shared in %s, whichever is scarce', (_, room, bytes) => {
    const queue = queueOf(room)
    for (let n = 0; n < 10; n++) queue.admit(request({ sender: 'flood', bytes }), 0)
    const evictions = []
    for (let n = 0; n < 7; n++) {
      const admission = queue.admit(request({ sender: 'quiet', bytes }), 0)
      evictions.push(admission.kind === 'admitted' ? admission.evicted.length : admission.kind)
    }
    // Up to half, and then it is as large as the flooder.
    expect(evictions).toEqual([1, 1, 1, 1, 1, 'refused', 'refused'])
    expect(queue.size).toBe(10)
  })

  test('of several lines the latest due gives way', () => {
    const lines = new Map([
      ['m', times()],
      ['n', times()],
    ])
    const queue = new RequestQueue<QueuedRequest>({ ...limits, maxRequests: 4 }, lines)
    const held = [100, 400, 300, 200].map((dueMs, i) => request({ sender: 'a', dueMs, line: 'mmnn'[i]! }))
    for (const each of held) queue.admit(each, 0)
    expect(queue.admit(request({ sender: 'b' }), 0)).toEqual({ kind: 'admitted', evicted: [held[1]] })
    expect(queue.admit(request({ sender: 'c' }), 0)).toEqual({ kind: 'admitted', evicted: [held[2]] })
  })

  test('a batch is of one wound, full where nothing is in a hurry', () => {
    const queue = queueOf({}, times(3))
    for (const wound of ['w', 'v', 'w', 'w', 'w']) queue.admit(request({ wound }), 0)
    expect(queue.next('m', 0).call.map(({ wound }) => wound)).toEqual(['w', 'w', 'w'])
    queue.done('m')
    expect(queue.next('m', 0).call.map(({ wound }) => wound)).toEqual(['v'])
  })

  test('a cancelled request is dropped, or its call useless once nobody in it is waited for', () => {
    const queue = queueOf({}, times(2))
    const [one, two, three] = [request(), request(), request()]
    for (const each of [one, two, three]) queue.admit(each, 0)
    expect(queue.next('m', 0).call).toEqual([one, two])
    expect(queue.cancel(three.key).kind).toBe('dropped')
    expect(queue.cancel(three.key).kind).toBe('unknown')
    expect(queue.cancel(one.key).kind).toBe('computed')
    expect([queue.isWanted(one), queue.isWanted(two)]).toEqual([false, true])
    expect(queue.cancel(two.key).kind).toBe('useless')
    queue.done('m')
    expect(queue.size).toBe(0)
  })

  test('what is not prepared lets others through, and little is prepared ahead', () => {
    const queue = queueOf({ maxPrepared: 2 })
    const slow = request({ preparation: 'expensive', dueMs: 100 })
    const pictures = [200, 300, 400].map((dueMs) => request({ preparation: 'cheap', dueMs }))
    const features = request({ dueMs: 500 })
    for (const each of [slow, ...pictures, features]) queue.admit(each, 0)
    expect(queue.nextToPrepare('expensive')).toBe(slow)
    expect(queue.nextToPrepare('expensive')).toBeUndefined()
    expect(queue.nextToPrepare('cheap')).toBe(pictures[0])
    expect(queue.nextToPrepare('cheap')).toBeUndefined()
    expect(queue.next('m', 0).call).toEqual([features])
    queue.done('m')
    expect(queue.ready(pictures[0]!.key)).toBe(true)
    expect(queue.next('m', 10).call).toEqual([pictures[0]])
    expect(queue.nextToPrepare('cheap')).toBe(pictures[1])
    expect(queue.cancel(slow.key).kind).toBe('dropped')
    expect(queue.ready(slow.key)).toBe(false)
  })

  test('lines do not wait for each other, but share the bytes', () => {
    const lines = new Map([
      ['m', times()],
      ['n', times()],
    ])
    const queue = new RequestQueue<QueuedRequest>({ ...limits, maxBytes: 30 }, lines)
    const [one, two] = [request(), request({ line: 'n' })]
    queue.admit(one, 0)
    queue.admit(two, 0)
    expect(queue.next('m', 0).call).toEqual([one])
    expect(queue.next('n', 0).call).toEqual([two])
    expect(queue.admit(request({ bytes: 20 }), 0)).toMatchObject({ kind: 'refused', reason: 'full' })
    expect(() => queue.next('o', 0)).toThrow(/line must be one of m, n, current value is o/)
    expect(() => queue.admit(one, 0)).toThrow(/key must be new/)
  })
})

describe('takeLate()', () => {
  test('takes out just those that would not be begun in time, and what they hold', () => {
    const queue = queueOf()
    const all = Array.from({ length: 4 }, () => request())
    for (const each of all) queue.admit(each, 0)
    // 10 ms each: they are begun at 0, 10, 20 and 30.
    expect(queue.takeLate(30, 0)).toEqual([])
    expect(queue.takeLate(15, 0)).toEqual(all.slice(2))
    expect({ size: queue.size, bytes: queue.bytes }).toEqual({ size: 2, bytes: 20 })
    expect(serveAll(queue, times(), 0).map(({ request: { key } }) => key)).toEqual([all[0]!.key, all[1]!.key])
    expect(queue.takeLate(0, 20)).toEqual([])
  })

  test('leaves what is computed', () => {
    const queue = queueOf()
    const [first, second] = [request(), request()]
    queue.admit(first, 0)
    queue.admit(second, 0)
    queue.next('m', 0)
    expect(queue.takeLate(0, 0)).toEqual([second])
    expect(queue.isWanted(first)).toBe(true)
  })
})

test('while a call runs its line has nothing more to compute, and nothing expires', () => {
  const queue = queueOf()
  queue.admit(request(), 0)
  queue.next('m', 0)
  queue.admit(request({ dueMs: 15 }), 5)
  expect(queue.next('m', 100)).toEqual({ expired: [], call: [] })
})

test('room is made by the latest due of whoever holds most, one after the other', () => {
  const queue = queueOf({ maxRequests: 3, maxBytes: 1e6 })
  const flood = [300, 100, 200].map((dueMs) => request({ sender: 'flood', dueMs }))
  for (const each of flood) queue.admit(each, 0)
  expect(queue.admit(request({ sender: 'b' }), 0)).toEqual({ kind: 'admitted', evicted: [flood[0]] })
  expect(queue.admit(request({ sender: 'c' }), 0)).toEqual({ kind: 'admitted', evicted: [flood[2]] })
  // Everybody has one now: nobody gives way.
  expect(queue.admit(request({ sender: 'd' }), 0)).toMatchObject({ kind: 'refused', reason: 'full' })
})
