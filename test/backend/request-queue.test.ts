import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { arrivals, queueOf, request, serveAll, times } from './request-queue-setup.ts'

describe('RequestQueue', () => {
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

  test('what a sender had is forgotten once nobody waits', () => {
    const queue = queueOf({ slackMs: 0 })
    for (let n = 0; n < 5; n++) queue.admit(request({ sender: 'a' }), 0)
    serveAll(queue, times(), 0)
    queue.admit(request({ sender: 'a', dueMs: 1000 }), 100)
    queue.admit(request({ sender: 'b', dueMs: 2000 }), 100)
    expect(queue.next('m', 100).call[0]!.sender).toBe('a')
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

  test('while a call runs its line has nothing more to compute, and nothing expires', () => {
    const queue = queueOf()
    queue.admit(request(), 0)
    queue.next('m', 0)
    queue.admit(request({ dueMs: 15 }), 5)
    expect(queue.next('m', 100)).toEqual({ expired: [], call: [] })
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
