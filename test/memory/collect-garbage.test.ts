import { setImmediate } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { collectGarbage, tidyWhenIdle } from '../../src/memory/collect-garbage.ts'

afterEach(() => vi.useRealTimers())

/** Held by nobody, but old: it has outlived two minor collections. */
async function droppedWhenOld(): Promise<WeakRef<object>> {
  const kept = Array.from({ length: 1000 }, (_, i) => ({ i }))
  const reference = new WeakRef(kept)
  for (let i = 0; i < 2; i++) {
    await setImmediate()
    collectGarbage('minor')
  }
  expect(kept).toHaveLength(1000)
  return reference
}

test('collectGarbage() frees what is old, too', async () => {
  const dropped = await droppedWhenOld()
  // What a reference was made of lives until the event loop comes round.
  await setImmediate()
  collectGarbage()
  expect(dropped.deref()).toBeUndefined()
})

test("collectGarbage('minor') frees the buffers that were made lately", async () => {
  const before = process.memoryUsage().arrayBuffers
  const made = () => new ArrayBuffer(16 << 20).byteLength
  expect(made()).toBe(16 << 20)
  expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThan(15 << 20)
  await setImmediate()
  collectGarbage('minor')
  // V8 gives them back in a thread of its own.
  await expect.poll(() => process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20)
})

test('tidyWhenIdle() frees what is old once a minute, but not while there is something to do', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  // V8 has no reason now to do so by itself.
  collectGarbage()
  const dropped = await droppedWhenOld()
  await setImmediate()
  let isIdle = false
  const end = tidyWhenIdle(() => isIdle)
  vi.advanceTimersByTime(60_000)
  expect(dropped.deref()).toBeDefined()
  await setImmediate()
  isIdle = true
  vi.advanceTimersByTime(60_000)
  expect(dropped.deref()).toBeUndefined()
  end()
  expect(vi.getTimerCount()).toBe(0)
})
