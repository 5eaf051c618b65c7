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

test.each([
  [5, 0],
  [5, -1],
  [5, Number.NaN],
  [-1, 10],
  [Number.NaN, 10],
  [Number.POSITIVE_INFINITY, 10],
])('LiveSlowdown learns nothing from %d ms where %d were expected', (measuredMs, profiledMs) => {
  const slowdown = new LiveSlowdown()
  slowdown.observe(measuredMs, profiledMs, 0)
  expect(slowdown.factorAt(0)).toBe(1)
})

test('LiveSlowdown learns from a run that took no time, and from the last nine alone', () => {
  const slowdown = new LiveSlowdown()
  slowdown.observe(0, 10, 0)
  expect(slowdown.factorAt(0)).toBe(0)
  for (let i = 0; i < 4; i++) slowdown.observe(0, 10, 0)
  for (let i = 0; i < 5; i++) slowdown.observe(20, 10, 0)
  // Ten by now: the first is gone, and of nine five are the median.
  expect(slowdown.factorAt(0)).toBe(2)
})

test('LiveSlowdown is not made younger by what was given up no later than believed', () => {
  const slowdown = new LiveSlowdown()
  slowdown.observe(20, 10, 0)
  slowdown.observeAtLeast(20, 10, 0)
  slowdown.observeAtLeast(10, 10, 20_000)
  expect(slowdown.factorAt(20_000)).toBeCloseTo(1 + 1 / Math.E)
})
