import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { CalendarJob } from '../../src/calendar/calendar-job.ts'

const year2026 = Date.UTC(2026, 10, 26)
let monotonicMs: number
let wallOffsetMs: number
/** Wall times at which a task was made; tasks that live. */
let made: number[]
let living: number
let job: CalendarJob

beforeEach(() => {
  vi.useFakeTimers()
  monotonicMs = 0
  made = []
  living = 0
  job = new CalendarJob({
    expression: '17 3 * * *',
    run: () => Promise.resolve(),
    wallMs: () => monotonicMs + wallOffsetMs,
    monotonicMs: () => monotonicMs,
    schedule: () => {
      made.push(monotonicMs + wallOffsetMs)
      living++
      return { destroy: () => living-- }
    },
  })
})
afterEach(() => {
  job.stop()
  vi.useRealTimers()
})

function pass(seconds: number): void {
  for (let second = 0; second < seconds; second++) {
    monotonicMs += 1000
    vi.advanceTimersByTime(1000)
  }
}

test('a clock of 1970 arms nothing, until it is put right', () => {
  wallOffsetMs = 0
  job.start()
  pass(100)
  expect([made.length, living]).toEqual([0, 0])
  wallOffsetMs = year2026
  pass(100)
  expect([made.length, living]).toEqual([1, 1])
})

test.for<[string, number]>([
  ['back from 2036', -10 * 365 * 86_400_000],
  ['forward by months', 90 * 86_400_000],
])('a clock that jumps %s makes the task anew, once', ([, jump]) => {
  wallOffsetMs = year2026 - Math.min(0, jump)
  job.start()
  pass(10)
  expect(made.length).toBe(1)
  wallOffsetMs += jump
  pass(100)
  expect([made.length, living]).toEqual([2, 1])
})

test('a clock that is steered gently keeps its task, and stop ends it', () => {
  wallOffsetMs = year2026
  job.start()
  wallOffsetMs += 30_000
  pass(10)
  expect([made.length, living]).toEqual([1, 1])
  job.stop()
  pass(10)
  expect([made.length, living]).toEqual([1, 0])
})
