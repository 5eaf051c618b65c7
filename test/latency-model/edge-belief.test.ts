import { expect, test } from 'vitest'
import { EdgeBelief } from '../../src/latency-model/edge-belief.ts'
import { PromisedWork } from '../../src/latency-model/promised-work.ts'
import { SizeTimes } from '../../src/latency-model/size-times.ts'

test('EdgeBelief: runs teach how slow the machine is, messages what reading one takes', () => {
  const belief = new EdgeBelief()
  expect(belief.snapshot(0, 1000, 7)).toMatchObject({ factor: 1, waitMs: 7, inputMs: 0 })
  belief.ran(30, 10, 0)
  belief.decoded(1000, 5)
  expect(belief.factorAt(0)).toBe(3)
  expect(belief.snapshot(0, 1000, 0)).toMatchObject({ factor: 3, waitMs: 0, inputMs: 5 })
})

test('EdgeBelief: the next input in a codec is expected to be about what the last four were', () => {
  const belief = new EdgeBelief()
  belief.encodedInput('jpeg:80', 1000, 4)
  expect(belief.snapshot(0, 1, 0).inputs.get('jpeg:80')).toEqual({ bytes: 1000, encodeMs: 4 })
  belief.encodedInput('jpeg:80', 2000, 8)
  expect(belief.snapshot(0, 1, 0).inputs.get('jpeg:80')).toEqual({ bytes: 1250, encodeMs: 5 })
})

test('EdgeBelief: what nobody can have measured of an input in a codec teaches nothing', () => {
  const belief = new EdgeBelief()
  belief.encodedInput('jpeg:80', 0, 0)
  for (const [bytes, encodeMs] of [
    [-1, 4],
    [1000, -1],
    [Number.NaN, 4],
    [1000, Number.NaN],
    [Number.POSITIVE_INFINITY, 4],
    [1000, Number.POSITIVE_INFINITY],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ] as const)
    belief.encodedInput('jpeg:80', bytes, encodeMs)
  expect(belief.snapshot(0, 1, 0).inputs).toEqual(new Map([['jpeg:80', { bytes: 0, encodeMs: 0 }]]))
})

test('SizeTimes: the times of what is nearest in size vote, the newest among equals', () => {
  const times = new SizeTimes()
  expect(times.expect(1000)).toBe(0)
  for (let i = 0; i < 5; i++) {
    times.observe(1000, 2)
    times.observe(1_000_000, 80)
  }
  expect(times.expect(1500)).toBe(2)
  expect(times.expect(400_000)).toBe(80)
  for (let i = 0; i < 3; i++) times.observe(1000, 3)
  expect(times.expect(1000)).toBe(3)
  times.observe(0, 999)
  times.observe(1000, Number.NaN)
  expect(times.expect(1000)).toBe(3)
})

test('PromisedWork adds up what is promised, and each promise is kept once', () => {
  const promised = new PromisedWork()
  const keep = promised.promise(30)
  promised.promise(12)
  expect(promised.total).toBe(42)
  keep()
  keep()
  expect(promised.total).toBe(12)
})
