import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lineDeviationMs } from '../../src/bandwidth-probe/line-fit.ts'
import { LinkBelief, mostUplinkBps } from '../../src/bandwidth-probe/link-belief.ts'

const bytes = fc.oneof(fc.integer({ min: 1, max: 5_000_000 }), fc.constantFrom(0, Number.NaN, Infinity))
const ms = fc.oneof(
  fc.double({ min: 1e-3, max: 1e7, noNaN: true }),
  fc.constantFrom(0, -5, -1e6, 1e-9, Number.NaN, Infinity),
)
const event = fc.record({
  kind: fc.constantFrom('acknowledged', 'answered', 'connected', 'disconnected', 'nextProbe'),
  bytes,
  ms,
  // A clock that jumps back, bursts, seconds, and a machine that slept for a day.
  laterMs: fc.oneof(
    fc.integer({ min: 0, max: 10 }),
    fc.integer({ min: 0, max: 30_000 }),
    fc.constantFrom(-3_600_000, -100, 86_400_000),
  ),
})

test('LinkBelief: whatever it is told and whatever the clock does, what it says is finite and not negative', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), bytes, (events, waitingBytes) => {
      const belief = new LinkBelief({ staleMs: 1000, probeBytes: 2048 })
      belief.connected(0)
      let nowMs = 0
      for (const told of events) {
        nowMs += told.laterMs
        if (told.kind === 'acknowledged' || told.kind === 'answered')
          belief[told.kind](told.bytes, told.ms, nowMs)
        else if (told.kind === 'nextProbe') belief.nextProbe(nowMs, { bytes: 0, oldestSentAtMs: undefined })
        else belief[told.kind](nowMs)
        const inFlight = {
          bytes: Number.isFinite(waitingBytes) ? waitingBytes : 0,
          oldestSentAtMs: nowMs - 50,
        }
        const state = belief.snapshot(nowMs, inFlight)
        if (state.kind !== 'up') continue
        const { uplinkBps, downlinkBps, roundTripMs, backlogBytes, relativeDeviation, line } = state
        const numbers = [uplinkBps, downlinkBps, roundTripMs, backlogBytes, relativeDeviation]
        const doubts = [1, 20_000, 5_000_000].map((size) => lineDeviationMs(line!, size))
        for (const value of [...numbers, ...doubts, mostUplinkBps(state)!]) {
          expect(value).toBeGreaterThanOrEqual(0)
          expect(value).toBeLessThan(Infinity)
        }
      }
    }),
    { numRuns: 500 },
  )
})
