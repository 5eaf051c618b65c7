import { beforeEach, expect, test } from 'vitest'
import { type AskedWork, WorkerBelief } from '../../src/latency-model/worker-belief.ts'

const announced = { tailMs: new Map([['middle', 40]]), pictureMs: 10, queueMs: 0 }
const features: AskedWork = { decode: 'features', decodeMs: 4, tailMs: 40 }
const picture: AskedWork = { decode: 'picture', decodeMs: 10, tailMs: 40 }

let belief: WorkerBelief
let next = 0
beforeEach(() => {
  belief = new WorkerBelief('w', announced)
})

/** One request that was answered, and what the worker said it took. */
function answer(work: AskedWork, decodeMs: number, tailMs: number | undefined, atMs = 0): void {
  const id = `${next++}`
  belief.sent(id, work, atMs)
  belief.arrived(id, atMs)
  belief.answered(id, { queueMs: 0, decodeMs, tailMs }, atMs)
}

/** One request that the broker had at once, and that was given up after so long. */
function giveUp(afterMs: number, atMs: number, returnMs = 0): void {
  const id = `${next++}`
  belief.sent(id, features, atMs - afterMs)
  belief.arrived(id, atMs - afterMs)
  belief.givenUp(id, returnMs, atMs)
}

test('WorkerBelief learns each kind of work by itself from what the worker says it took', () => {
  for (let i = 0; i < 5; i++) answer(features, 8, 120)
  expect(belief.snapshot(0)).toMatchObject({ tailFactor: 3, featuresFactor: 2, pictureFactor: 1 })
  for (let i = 0; i < 9; i++) answer(picture, 50, 40)
  expect(belief.snapshot(0)).toMatchObject({ tailFactor: 1, featuresFactor: 2, pictureFactor: 5 })
})

test('WorkerBelief learns nothing of the tail from a call that finished others as well', () => {
  for (let i = 0; i < 5; i++) answer(features, 4, undefined)
  expect(belief.snapshot(0).tailFactor).toBe(1)
})

test('WorkerBelief: requests given up count as half as long again as they had, once they had arrived', () => {
  giveUp(29, 1000)
  expect(belief.snapshot(1000)).toMatchObject({ tailFactor: 1, trust: { kind: 'trusted' } })
  for (let i = 0; i < 5; i++) giveUp(56, 1000)
  // Of 84 milliseconds 80 are the tail's.
  expect(belief.snapshot(1000)).toMatchObject({ tailFactor: 2, trust: { kind: 'trusted' } })
})

test('WorkerBelief: silence says nothing of how fast it computes', () => {
  giveUp(100_000, 100_000)
  expect(belief.snapshot(100_000)).toMatchObject({ tailFactor: 1, trust: { kind: 'doubted' } })
})

test('WorkerBelief believes no wait that cannot be one', () => {
  belief.sent('a', features, 0)
  belief.refused('a', 30, 0)
  for (const queueMs of [-1, Number.NaN, Number.POSITIVE_INFINITY]) belief.refused('b', queueMs, 10)
  expect(belief.snapshot(10).queueMs).toBe(20)
})

test('WorkerBelief does not blame a worker for the link', () => {
  belief.sent('on its way', features, 0)
  belief.givenUp('on its way', 0, 60_000)
  expect(belief.snapshot(60_000)).toMatchObject({ tailFactor: 1, trust: { kind: 'trusted' } })
  giveUp(100, 70_000, 75)
  expect(belief.snapshot(70_000).tailFactor).toBe(1)
})

test('WorkerBelief: a silent worker rests after two requests, longer each time, and one answer redeems it', () => {
  giveUp(10_000, 10_000)
  expect(belief.snapshot(10_000).trust).toEqual({ kind: 'doubted' })
  giveUp(10_000, 20_000)
  expect(belief.snapshot(20_000).trust).toEqual({ kind: 'resting', untilMs: 22_000 })
  expect(belief.snapshot(22_000).trust).toEqual({ kind: 'on-trial' })
  belief.sent('trial', features, 22_000)
  belief.failed('trial', 22_010)
  expect(belief.snapshot(22_010).trust).toEqual({ kind: 'resting', untilMs: 26_010 })
  for (let i = 0; i < 20; i++) belief.failed(`${i}`, 30_000)
  expect(belief.snapshot(30_000).trust).toEqual({ kind: 'resting', untilMs: 90_000 })
  answer(features, 4, 40, 95_000)
  expect(belief.snapshot(95_000).trust).toEqual({ kind: 'trusted' })
})

test('WorkerBelief counts what this agent has there itself, as announcements come seldom', () => {
  expect(belief.snapshot(0)).toMatchObject({ queueMs: 0, outstanding: 0 })
  for (const id of ['a', 'b']) belief.sent(id, features, 5)
  expect(belief.snapshot(5)).toMatchObject({ queueMs: 88, outstanding: 2, lastSentAtMs: 5 })
  belief.announce({ ...announced, queueMs: 300 })
  expect(belief.snapshot(5).queueMs).toBe(300)
  belief.failed('a', 6)
  belief.answered('b', { queueMs: 0, decodeMs: 4, tailMs: 40 }, 7)
  belief.announce(announced)
  expect(belief.snapshot(7)).toMatchObject({ queueMs: 0, outstanding: 0 })
})

test('WorkerBelief: a refusal says how long the worker is busy, and is no fault', () => {
  belief.sent('a', features, 0)
  belief.refused('a', 400, 0)
  expect(belief.snapshot(100)).toMatchObject({ queueMs: 300, trust: { kind: 'trusted' } })
  expect(belief.snapshot(500).queueMs).toBe(0)
})

test('WorkerBelief forgets what did not get there, and what it was never sent says nothing', () => {
  belief.sent('a', features, 0)
  belief.forget('a')
  expect(belief.snapshot(0)).toMatchObject({ outstanding: 0, queueMs: 0 })
  belief.arrived('unknown', 0)
  belief.answered('unknown', { queueMs: 0, decodeMs: 400, tailMs: 4000 }, 0)
  belief.givenUp('unknown', 0, 10_000)
  expect(belief.snapshot(0)).toMatchObject({ tailFactor: 1, trust: { kind: 'trusted' } })
})

test('WorkerBelief was sent nothing before the first request, and has not rested before it failed', () => {
  expect(belief.snapshot(0)).toMatchObject({ lastSentAtMs: Number.NEGATIVE_INFINITY })
  belief.failed('a', 0)
  belief.failed('b', 0)
  answer(features, 4, 40, 10)
  belief.failed('c', 20)
  belief.failed('d', 20)
  // The first rest again: two seconds.
  expect(belief.snapshot(20).trust).toEqual({ kind: 'resting', untilMs: 2020 })
})

test('WorkerBelief: what it says of decoding is of that kind alone', () => {
  for (let i = 0; i < 3; i++) answer({ ...features, decode: 'none', decodeMs: 0 }, 900, 40)
  expect(belief.snapshot(0)).toMatchObject({ featuresFactor: 1, pictureFactor: 1, tailFactor: 1 })
  for (let i = 0; i < 3; i++) answer({ ...features, decode: 'picture' }, 8, 40)
  expect(belief.snapshot(0)).toMatchObject({ featuresFactor: 1, pictureFactor: 2 })
})

test('WorkerBelief: what waits there already is no part of what the next was given up for', () => {
  belief.announce({ ...announced, queueMs: 1000 })
  // Of 1029 ms 1000 were the others.
  giveUp(1029, 2000)
  expect(belief.snapshot(2000)).toMatchObject({ tailFactor: 1, trust: { kind: 'trusted' } })
})
