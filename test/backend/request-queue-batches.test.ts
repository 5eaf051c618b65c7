import { describe, expect, test } from 'vitest'
import type { CallTimes } from '../../backend/service-order.ts'
import { queueOf, request, serveAll, times } from './request-queue-setup.ts'

describe('RequestQueue, several requests in a call', () => {
  test('a batch is of one wound, full where nothing is in a hurry', () => {
    const queue = queueOf({}, times(3))
    for (const wound of ['w', 'v', 'w', 'w', 'w']) queue.admit(request({ wound }), 0)
    expect(queue.next('m', 0).call.map(({ wound }) => wound)).toEqual(['w', 'w', 'w'])
    queue.done('m')
    expect(queue.next('m', 0).call.map(({ wound }) => wound)).toEqual(['v'])
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
})
