import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EdgeBelief } from '../../src/latency-model/edge-belief.ts'
import { type AskedWork, WorkerBelief } from '../../src/latency-model/worker-belief.ts'

/** Times as they are measured and as they are told: of nothing, of a clock that jumped, of who lies. */
const ms = fc.oneof(
  fc.double({ min: 1e-3, max: 1e7, noNaN: true }),
  fc.constantFrom(0, -5, -1e6, 1e-9, Number.NaN, Infinity, -Infinity),
)
/** What a profile or a checked announcement holds. */
const profiledMs = fc.oneof(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.constantFrom(0, 1e-9))
const bytes = fc.oneof(fc.integer({ min: 1, max: 5_000_000 }), fc.constantFrom(0, -1, Number.NaN, Infinity))
/** A clock that jumps back, bursts, seconds, and a machine that slept for a day. */
const laterMs = fc.oneof(
  fc.integer({ min: 0, max: 10 }),
  fc.integer({ min: 0, max: 30_000 }),
  fc.constantFrom(-3_600_000, -100, 86_400_000),
)

/** What of it is no finite number of at least 0. */
function wrong(values: Readonly<Record<string, number>>): string[] {
  return Object.entries(values)
    .filter(([, value]) => !(value >= 0 && value < Infinity))
    .map(([key, value]) => `${key} is ${value}`)
}

const edgeEvent = fc.record({
  kind: fc.constantFrom('ran', 'decoded', 'encodedInput'),
  ms,
  profiledMs,
  bytes,
  codec: fc.constantFrom('jpeg:80', 'webp:50'),
  laterMs,
})

test('EdgeBelief: whatever it is told and whatever the clock does, what it says is finite and not negative', () => {
  fc.assert(
    fc.property(fc.array(edgeEvent, { maxLength: 40 }), bytes, (events, inputBytes) => {
      const belief = new EdgeBelief()
      const found: string[] = []
      let nowMs = 0
      for (const told of events) {
        nowMs += told.laterMs
        if (told.kind === 'ran') belief.ran(told.ms, told.profiledMs, nowMs)
        else if (told.kind === 'decoded') belief.decoded(told.bytes, told.ms)
        else belief.encodedInput(told.codec, told.bytes, told.ms)
        // It may be asked of another moment than the one it was told at.
        for (const atMs of [nowMs, nowMs + 5000, nowMs - 5000, nowMs + 86_400_000]) {
          const { factor, inputMs, inputs } = belief.snapshot(atMs, inputBytes, 0)
          found.push(...wrong({ factor, inputMs }))
          for (const input of inputs.values()) found.push(...wrong({ ...input }))
        }
      }
      expect(found).toEqual([])
    }),
    { numRuns: 500 },
  )
})

const work = fc.record({
  decode: fc.constantFrom('picture', 'features', 'none'),
  decodeMs: profiledMs,
  tailMs: profiledMs,
}) satisfies fc.Arbitrary<AskedWork>

const announced = fc.record({
  tailMs: fc
    .dictionary(fc.constantFrom('input', 'middle'), profiledMs)
    .map((each) => new Map(Object.entries(each))),
  pictureMs: profiledMs,
  queueMs: profiledMs,
})

const workerEvent = fc.record({
  kind: fc.constantFrom('sent', 'arrived', 'answered', 'refused', 'failed', 'givenUp', 'forget', 'announce'),
  /** Few, so that most of what is told is of a request that is there, and some is not or comes twice. */
  request: fc.constantFrom('a', 'b', 'c'),
  work,
  announced,
  queueMs: ms,
  decodeMs: ms,
  tailMs: fc.option(ms, { nil: undefined }),
  returnMs: ms,
  laterMs,
})

test('WorkerBelief: whatever happens in whatever order, what it says is finite and not negative', () => {
  fc.assert(
    fc.property(announced, fc.array(workerEvent, { maxLength: 60 }), (first, events) => {
      const belief = new WorkerBelief('w', first)
      const found: string[] = []
      let nowMs = 0
      for (const told of events) {
        const { kind, request, queueMs, decodeMs, tailMs } = told
        nowMs += told.laterMs
        if (kind === 'announce') belief.announce(told.announced)
        else if (kind === 'sent') belief.sent(request, told.work, nowMs)
        else if (kind === 'arrived' || kind === 'failed') belief[kind](request, nowMs)
        else if (kind === 'answered') belief.answered(request, { queueMs, decodeMs, tailMs }, nowMs)
        else if (kind === 'refused') belief.refused(request, queueMs, nowMs)
        else if (kind === 'givenUp') belief.givenUp(request, told.returnMs, nowMs)
        else belief.forget(request)
        for (const atMs of [nowMs, nowMs + 5000, nowMs - 5000, nowMs + 86_400_000]) {
          const state = belief.snapshot(atMs)
          const {
            queueMs: waitMs,
            ownMs,
            tailFactor,
            pictureFactor,
            featuresFactor,
            outstanding,
            trust,
          } = state
          const restMs = trust.kind === 'resting' ? trust.untilMs - atMs : 0
          const times = { waitMs, ownMs, othersMs: waitMs - ownMs, restMs }
          found.push(...wrong({ ...times, tailFactor, pictureFactor, featuresFactor, outstanding }))
        }
      }
      expect(found).toEqual([])
    }),
    { numRuns: 500 },
  )
})

test('WorkerBelief: however it failed, one answer makes it trusted, and it never rests for more than a minute', () => {
  fc.assert(
    fc.property(announced, fc.array(workerEvent, { maxLength: 60 }), (first, events) => {
      const belief = new WorkerBelief('w', first)
      let nowMs = 0
      for (const { kind, request, work: asked, returnMs, laterMs: passedMs } of events) {
        nowMs += Math.max(0, passedMs)
        belief.sent(request, asked, nowMs)
        belief.arrived(request, nowMs)
        if (kind === 'failed') belief.failed(request, nowMs)
        else belief.givenUp(request, returnMs, nowMs)
      }
      const { trust } = belief.snapshot(nowMs)
      expect(trust.kind === 'resting' ? trust.untilMs - nowMs : 0).toBeLessThanOrEqual(60_000)
      expect(belief.snapshot(nowMs + 60_001).trust.kind).not.toBe('resting')
      belief.sent('last', { decode: 'none', decodeMs: 0, tailMs: 1 }, nowMs)
      belief.answered('last', { queueMs: 0, decodeMs: 0, tailMs: 1 }, nowMs)
      expect(belief.snapshot(nowMs).trust).toEqual({ kind: 'trusted' })
    }),
    { numRuns: 200 },
  )
})
