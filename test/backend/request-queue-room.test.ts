import { describe, expect, test } from 'vitest'
import { type QueuedRequest, RequestQueue } from '../../backend/request-queue.ts'
import { limits, queueOf, request, times } from './request-queue-setup.ts'

describe('RequestQueue, where there is no room', () => {
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

  test('few large requests weigh against many small ones by what is scarce', () => {
    const queue = queueOf({ maxBytes: 100, maxRequests: 8 })
    const large = [1, 2].map(() => request({ sender: 'a', bytes: 20 }))
    const small = [1, 2, 3, 4, 5, 6].map((dueMs) => request({ sender: 'b', bytes: 1, dueMs: dueMs * 1000 }))
    for (const each of [...large, ...small]) queue.admit(each, 0)
    // Six of eight places are more than 40 of 100 bytes.
    expect(queue.admit(request({ sender: 'c', bytes: 1 }), 0)).toMatchObject({ evicted: [small[5]] })
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

  test('room is made by the latest due of whoever holds most, one after the other', () => {
    const queue = queueOf({ maxRequests: 3, maxBytes: 1e6 })
    const flood = [300, 100, 200].map((dueMs) => request({ sender: 'flood', dueMs }))
    for (const each of flood) queue.admit(each, 0)
    expect(queue.admit(request({ sender: 'b' }), 0)).toEqual({ kind: 'admitted', evicted: [flood[0]] })
    expect(queue.admit(request({ sender: 'c' }), 0)).toEqual({ kind: 'admitted', evicted: [flood[2]] })
    // Everybody has one now: nobody gives way.
    expect(queue.admit(request({ sender: 'd' }), 0)).toMatchObject({ kind: 'refused', reason: 'full' })
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
