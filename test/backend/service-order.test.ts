import { expect, test } from 'vitest'
import {
  type CallTimes,
  emptyLine,
  expectedWaitMs,
  joinLine,
  takeCall,
  type WaitingRequest,
} from '../../backend/service-order.ts'

const single: CallTimes = { freeAtMs: () => 0, batchLimit: () => 1, callMs: () => 10 }

function request(sender: string, dueMs: number, wound = 'w'): WaitingRequest {
  return { sender, wound, dueMs }
}

test('what a sender had is known while it is ahead, also once it has gone, and no longer', () => {
  const line = emptyLine<WaitingRequest>()
  joinLine(line, request('ahead', 100))
  for (let n = 0; n < 4; n++) joinLine(line, request('other', 1000 + n))
  const senders = () => takeCall(line, single, 40, 0, () => true).map(({ sender }) => sender)
  expect(senders()).toEqual(['ahead'])
  // It has had 10 ms, and nobody else any.
  expect([...line.had.keys()].toSorted()).toEqual(['ahead', 'other'])
  expect(senders()).toEqual(['other'])
  expect([...line.had.keys()].toSorted()).toEqual(['ahead', 'other'])
  // The other has had as much when its next call is taken: who comes anew begins there.
  expect(senders()).toEqual(['other'])
  expect([...line.had.keys()]).toEqual(['other'])
  expect(line.floorMs).toBe(10)
  joinLine(line, request('ahead', 2000))
  expect(line.had.get('ahead')).toBe(10)
})

test('takeCall() gives turns by what is ready, due first, and leaves the rest in its place', () => {
  const line = emptyLine<WaitingRequest>()
  const [first, second, third] = [request('a', 1), request('a', 2), request('b', 3)]
  for (const each of [second, third, first]) joinLine(line, each)
  expect(line.waiting).toEqual([first, second, third])
  expect(takeCall(line, single, 0, 0, (each) => each !== first)).toEqual([second])
  expect(takeCall(line, single, 0, 0, () => false)).toEqual([])
  expect(line.waiting).toEqual([first, third])
  // The first one's sender has had a call, the other none.
  expect(takeCall(line, single, 0, 0, () => true)).toEqual([third])
})

test('expectedWaitMs() of a member of a call is what is before the call, whoever else is in it', () => {
  const pairs: CallTimes = { freeAtMs: () => 0, batchLimit: () => 2, callMs: () => 10 }
  const line = emptyLine<WaitingRequest>()
  const all = [1, 2, 3, 4].map((n) => request('a', 1000 * n))
  for (const each of all) joinLine(line, each)
  expect(all.map((each) => expectedWaitMs(line, each, pairs, 0, 5, 0))).toEqual([5, 5, 15, 15])
  // One that is due before its turn knows when that shows; just then it is in time.
  const late = request('a', 5)
  joinLine(line, late)
  expect(expectedWaitMs(line, late, pairs, 0, 5, 0)).toBe(5)
  expect(expectedWaitMs(line, late, pairs, 0, 6, 0)).toBe(6)
  expect(expectedWaitMs(line, all[0]!, pairs, 0, 5, 0)).toBe(5)
  expect(expectedWaitMs(line, all[1]!, pairs, 0, 5, 0)).toBe(15)
  expect(expectedWaitMs(line, all[1]!, pairs, 0, 6, 0)).toBe(6)
})
