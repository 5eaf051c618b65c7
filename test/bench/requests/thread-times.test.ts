import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { ThreadClock } from '../../../bench/requests/thread-times.ts'

test('ThreadClock counts on while threads end, and loses nothing of what they had', async ({ skip }) => {
  skip(!existsSync('/proc/self/schedstat'), 'threads are counted by /proc')
  const clock = new ThreadClock(process.pid, false)
  let before = await clock.read()
  for (let round = 0; round < 5; round++) {
    const running = new Set<Worker>()
    for (let i = 0; i < 4; i++) {
      const worker = new Worker('for (let i = 0; i < 1e6; i++);', { eval: true })
      running.add(worker)
      void once(worker, 'exit').then(() => running.delete(worker))
    }
    while (running.size > 0) {
      const now = await clock.read()
      expect(now.pool).toBeGreaterThanOrEqual(before.pool)
      expect(now.main).toBeGreaterThanOrEqual(before.main)
      before = now
    }
  }
  expect(before.pool).toBeGreaterThan(0)
})
