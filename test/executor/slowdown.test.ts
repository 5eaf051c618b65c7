import { expect, test } from 'vitest'
import { Slowdown } from '../../src/executor/slowdown.ts'

test('Slowdown waits in proportion to the usual time, and not at all for factor 1', () => {
  const cancel = new Int32Array(new SharedArrayBuffer(4))
  const waited = (factor: number, elapsedMs: readonly number[]) => {
    const slowdown = new Slowdown(factor)
    const beginMs = performance.now()
    for (const ms of elapsedMs) slowdown.wait('head', ms, cancel)
    return performance.now() - beginMs
  }
  // The third run was preempted: its own 9 ms are not multiplied, and count as part of the wait.
  expect(waited(5, [4, 4, 9])).toBeGreaterThanOrEqual(16 + 16 + 11 - 1)
  expect(waited(1, [4e5, 4e5, 9e5])).toBeLessThan(4e5)
})

test('Slowdown ends its wait when cancelled', () => {
  const cancel = new Int32Array(new SharedArrayBuffer(4))
  Atomics.store(cancel, 0, 1)
  const beginMs = performance.now()
  new Slowdown(1000).wait('head', 500, cancel)
  expect(performance.now() - beginMs).toBeLessThan(4e5)
})

test('Slowdown refuses to speed up', () => {
  expect(() => new Slowdown(0.5)).toThrow('Cannot slow down: factor must be at least 1, current value is 0.5')
})
