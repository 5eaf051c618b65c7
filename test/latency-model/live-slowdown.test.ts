import { expect, test } from 'vitest'
import { LiveSlowdown } from '../../src/latency-model/live-slowdown.ts'

test('LiveSlowdown is the median of the last runs, whatever one of them was', () => {
  const slowdown = new LiveSlowdown()
  expect(slowdown.factorAt(0)).toBe(1)
  for (const ms of [12, 11, 400, 13, 12]) slowdown.observe(ms, 10, 0)
  expect(slowdown.factorAt(0)).toBeCloseTo(1.2)
  for (let i = 0; i < 9; i++) slowdown.observe(30, 10, 0)
  expect(slowdown.factorAt(0)).toBe(3)
  slowdown.observe(5, 0, 0)
  slowdown.observe(Number.NaN, 10, 0)
  expect(slowdown.factorAt(0)).toBe(3)
})

test('LiveSlowdown forgets a machine that was slow once, so that it is tried again', () => {
  const slowdown = new LiveSlowdown()
  slowdown.observe(50, 10, 0)
  expect(slowdown.factorAt(0)).toBe(5)
  expect(slowdown.factorAt(20_000)).toBeCloseTo(1 + 4 / Math.E)
  expect(slowdown.factorAt(200_000)).toBeCloseTo(1, 2)
})

test('LiveSlowdown learns from a run that was given up only where it took longer than believed', () => {
  const slowdown = new LiveSlowdown()
  for (let i = 0; i < 3; i++) slowdown.observe(20, 10, 0)
  slowdown.observeAtLeast(15, 10, 0)
  expect(slowdown.factorAt(0)).toBe(2)
  for (let i = 0; i < 4; i++) slowdown.observeAtLeast(90, 10, 0)
  expect(slowdown.factorAt(0)).toBe(9)
})
