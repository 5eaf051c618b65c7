import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { CalendarJob } from '../../src/calendar/calendar-job.ts'

const year2026 = Date.UTC(2026, 10, 26)
const usualZone = process.env['TZ']
let job: CalendarJob
/** When it ran, in milliseconds of the wall clock. */
let ran: number[]
let monotonicMs: number

beforeEach(() => {
  ran = []
  monotonicMs = 0
})
afterEach(() => {
  job.stop()
  vi.useRealTimers()
  if (usualZone === undefined) delete process.env['TZ']
  else process.env['TZ'] = usualZone
})

function startAt(wall: number | string, expression: string): void {
  vi.useFakeTimers({ now: typeof wall === 'number' ? wall : Date.parse(wall) })
  const run = async () => void ran.push(Date.now())
  job = new CalendarJob({ expression, run, monotonicMs: () => monotonicMs })
  job.start()
}

/** Whoever turns in circles ends this by the fake timers' own limit of a hundred thousand. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    monotonicMs += 1000
    vi.advanceTimersByTime(1000)
    await Promise.resolve()
  }
}

const minutesAfter = (wall: number) => ran.map((ms) => (ms - wall) / 60_000)

test('a clock of 1970 runs nothing, and nothing is caught up once it is put right', async () => {
  startAt(0, '*/10 * * * *')
  await pass(1500)
  vi.setSystemTime(year2026)
  await pass(1500)
  expect(minutesAfter(year2026)).toEqual([10, 20])
})

test.for<[string, from: number, to: number]>([
  ['back from 2036', Date.UTC(2036, 10, 26), year2026],
  ['forward by ten years', year2026, Date.UTC(2036, 10, 26)],
  ['forward by months', year2026, year2026 + 90 * 86_400_000],
  ['forward by an hour', year2026, year2026 + 3_600_000],
])('a clock that jumps %s is followed, and nothing is caught up', async ([, from, to]) => {
  startAt(from, '*/10 * * * *')
  await pass(700)
  expect(minutesAfter(from)).toEqual([10])
  ran = []
  vi.setSystemTime(to)
  await pass(1500)
  expect(minutesAfter(to)).toEqual([10, 20])
})

test('a clock that is steered gently moves nothing, and stop ends it', async () => {
  startAt(year2026, '*/10 * * * *')
  vi.setSystemTime(year2026 + 30_000)
  await pass(600)
  expect(minutesAfter(year2026)).toEqual([10])
  job.stop()
  await pass(1500)
  expect(ran).toHaveLength(1)
})

test('a run that lasts longer than to the next slot is not begun twice', async () => {
  vi.useFakeTimers({ now: year2026 })
  let begun = 0
  job = new CalendarJob({
    expression: '*/10 * * * *',
    run: () => {
      begun++
      return new Promise((resolve) => setTimeout(resolve, 25 * 60_000))
    },
    monotonicMs: () => monotonicMs,
  })
  job.start()
  await pass(45 * 60)
  expect(begun).toBe(2)
})

// Slots within the hour that autumn repeats or the night of summer time leaves out, the half hour of Lord Howe too.
test.for<[zone: string, expression: string, from: string, runs: string[]]>([
  ['Europe/Helsinki', '17 3 * * *', '2026-10-24T12:00Z', ['2026-10-25T01:17', '2026-10-26T01:17']],
  ['Europe/Berlin', '30 2 * * *', '2026-10-24T12:00Z', ['2026-10-25T01:30', '2026-10-26T01:30']],
  ['America/New_York', '30 1 * * *', '2026-10-31T12:00Z', ['2026-11-01T05:30', '2026-11-02T06:30']],
  ['Australia/Lord_Howe', '45 1 * * *', '2026-04-04T12:00Z', ['2026-04-04T15:15', '2026-04-05T15:15']],
  ['Europe/Helsinki', '30 3 * * *', '2026-03-28T12:00Z', ['2026-03-30T00:30']],
  ['Europe/Berlin', '17 3 * * *', '2026-03-28T12:00Z', ['2026-03-29T01:17', '2026-03-30T01:17']],
])('in %s, %s is run once a night from %s on', async ([zone, expression, from, runs]) => {
  process.env['TZ'] = zone
  startAt(from, expression)
  await pass(2 * 24 * 3600)
  expect(ran.map((ms) => new Date(ms).toISOString().slice(0, 16))).toEqual(runs)
})
