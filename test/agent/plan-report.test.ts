import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { PlanReport } from '../../agent/plan-report.ts'
import type { MixReport } from '../../src/scheduler/mix/mix-report.ts'
import type { SessionState } from '../../src/transport/session-options.ts'

const report: MixReport = {
  streams: [{ name: 'porch', perS: 1 / 3, answeredPerS: 1 / 3, boundPerS: 20, plans: [] }],
  resources: [],
  excluded: [],
  flips: [],
  explanation: ['All of it.'],
}
const online: SessionState = { kind: 'online', sinceMs: 0, maximumPacketSize: 1e6, refused: new Set() }
let state: SessionState
let fresh: MixReport | undefined
let said: { topic: string; text: string; retain: boolean | undefined }[]
let logged: unknown[]
let plans: PlanReport

beforeEach(() => {
  vi.useFakeTimers({ now: 1_795_000_000_123 })
  state = online
  fresh = report
  said = []
  logged = []
  plans = new PlanReport({
    session: {
      get state() {
        return state
      },
      publish: async (topic, text, { retain }) => {
        said.push({ topic, text: String(text), retain })
        return { bytes: 0, packetBytes: 0, waitMs: 0, ackMs: 0, inFlightBytes: 0, isUnmatched: false }
      },
    },
    topic: 'surgeon/device/pi/plan',
    report: () => fresh,
    log: (_, __, fields) => logged.push(fields),
  })
  plans.start()
})
afterEach(() => {
  plans.stop()
  vi.useRealTimers()
})

test('the plan is said every ten seconds, retained, in four digits and with the whole time', () => {
  vi.advanceTimersByTime(20_000)
  expect(said).toHaveLength(2)
  expect(said[0]).toMatchObject({ topic: 'surgeon/device/pi/plan', retain: true })
  expect(JSON.parse(said[0]!.text)).toMatchObject({
    ts: 1_795_000_010_123,
    streams: [{ name: 'porch', perS: 0.3333 }],
    explanation: ['All of it.'],
  })
  expect(logged[0]).toEqual({ explanation: ['All of it.'] })
})

test('nothing is said where no input has come, and what was said last stays known', () => {
  vi.advanceTimersByTime(10_000)
  fresh = undefined
  vi.advanceTimersByTime(30_000)
  expect(said).toHaveLength(1)
  expect(plans.latest).toBe(report)
})

test('without a connection nothing is published, and the page knows of it all the same', () => {
  state = { kind: 'offline', reason: 'gone', sinceMs: 0, nextAttemptMs: 0 }
  vi.advanceTimersByTime(10_000)
  expect(said).toEqual([])
  expect(plans.latest).toBe(report)
})
