import { expect, test } from 'vitest'
import { LiveSlowdown } from '../../src/latency-model/live-slowdown.ts'

test('LiveSlowdown is the median of the last runs, whatever one of them was', () => {
  const slowdown = new LiveSlowdown(() => 0)
  expect(slowdown.factor).toBe(1)
  for (const ms of [12, 11, 400, 13, 12]) slowdown.observe(ms, 10)
  expect(slowdown.factor).toBeCloseTo(1.2)
  for (let i = 0; i < 9; i++) slowdown.observe(30, 10)
  expect(slowdown.factor).toBe(3)
  slowdown.observe(5, 0)
  slowdown.observe(Number.NaN, 10)
  expect(slowdown.factor).toBe(3)
})

test('LiveSlowdown forgets a machine that was slow once, so that it is tried again', () => {
  let nowMs = 0
  const slowdown = new LiveSlowdown(() => nowMs)
  slowdown.observe(50, 10)
  expect(slowdown.factor).toBe(5)
  nowMs = 20_000
  expect(slowdown.factor).toBeCloseTo(1 + 4 / Math.E)
  nowMs = 200_000
  expect(slowdown.factor).toBeCloseTo(1, 2)
})
