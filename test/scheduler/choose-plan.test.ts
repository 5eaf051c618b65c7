import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Conditions, choosePlan, noBackend, predict } from '../../src/scheduler/choose-plan.ts'
import { localPoint, type PlanPoint, paretoPoints } from '../../src/scheduler/plan-point.ts'
import { middlePoint as point } from './toy-point.ts'

const link = { uplinkBps: 8e6, downlinkBps: 8e6, roundTripMs: 10, backlogBytes: 0, relativeDeviation: 0 }
const calm: Conditions = { ...noBackend, edgeFactor: 1, edgeWaitMs: 0, resume: 'at-once', link }

test('predict() adds up edge, link and backend', () => {
  const prediction = predict(point, { ...calm, edgeWaitMs: 7, edgeFactor: 2, backendWaitMs: 3 })
  expect(prediction.edgeMs).toBe(7 + 2 * 42)
  expect(prediction.localMs).toBe(7 + 2 * 102)
  // 5000 bytes up and 1000 down at one byte a microsecond, a round trip, a wait and the tail.
  expect(prediction.remoteMs).toBeCloseTo(7 + 84 + 10 + 5 + 1 + 3 + 4)
  expect(prediction.expectedMs).toBeCloseTo(prediction.remoteMs)
})

test('predict() does not make the input wait for an engine that it does not need', () => {
  const input = { ...point, wound: 'input', headMs: 0, encodeMs: 0, localTailMs: 100 }
  const busy = predict(input, { ...calm, edgeWaitMs: 300 })
  expect(busy.edgeMs).toBe(0)
  expect(busy.localMs).toBe(400)
  expect(busy.remoteMs).toBeCloseTo(predict(input, calm).remoteMs)
})

test('predict() multiplies each kind of work by how much slower that kind is, and nothing else', () => {
  const slow = { ...calm, tailFactor: 2, pictureFactor: 10, featuresFactor: 3 }
  const more = (other: PlanPoint) => predict(other, slow).remoteMs - predict(other, calm).remoteMs
  expect(more(point)).toBeCloseTo(3 + 2)
  expect(more({ ...point, backendDecode: 'picture' })).toBeCloseTo(3 + 9)
  expect(more({ ...point, backendDecode: 'none', backendDecodeMs: 0 })).toBeCloseTo(3)
})

test('predict() makes the input beside an engine that is busy, and waits for the longer of the two', () => {
  const read = { ...point, inputMs: 30 }
  expect(predict(read, { ...calm, edgeWaitMs: 10 }).edgeMs).toBe(30 + 42)
  expect(predict(read, { ...calm, edgeWaitMs: 50, edgeFactor: 3 }).edgeMs).toBe(50 + 3 * 42)
})

test('predict() decodes an input that is sent only where the edge goes on by itself', () => {
  const input = { ...point, wound: 'input', inputMs: 30, headMs: 0, encodeMs: 0, localTailMs: 100 }
  expect(predict(input, calm)).toMatchObject({ edgeMs: 0, localMs: 130 })
  expect(predict(input, calm).remoteMs).toBeCloseTo(predict({ ...input, inputMs: 0 }, calm).remoteMs)
  const late = predict(input, { ...calm, resume: 'when-late' })
  expect(late.localMs).toBeCloseTo(late.lateMs + 130)
  expect(predict(input, { ...calm, resume: 'when-late', edgeWaitMs: 5000 }).localMs).toBe(5100)
})

test('paretoPoints() knows that what was sent as it came is still to be decoded for a local answer', () => {
  const received = { ...point, wound: 'input', headMs: 0, encodeMs: 0, inputMs: 30 }
  const raw = { ...received, codec: 'raw', inputMs: 0, sendMs: 30, bytes: received.bytes + 1 }
  expect(paretoPoints([received, raw])).toHaveLength(2)
  expect(paretoPoints([received, { ...raw, inputMs: 30 }])).toEqual([received])
})

test('choosePlan() is local without a link, and counts what is still on its way', () => {
  const points = [point, localPoint(100)]
  expect(choosePlan(points, { ...calm, link: undefined }).chosen.point.wound).toBe('local')
  expect(choosePlan(points, calm).chosen.point.wound).toBe('middle')
  expect(choosePlan(points, { ...calm, link: { ...link, backlogBytes: 120_000 } }).chosen.point.wound).toBe(
    'local',
  )
  expect(() => choosePlan([point], calm)).toThrow(/local plan must be among the points/)
})

test('predict() expects less than any single outcome promises, never more than finishing locally', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1e4, max: 1e8, noNaN: true }),
      fc.double({ min: 0, max: 3, noNaN: true }),
      (uplinkBps, relativeDeviation) => {
        const prediction = predict(point, { ...calm, link: { ...link, uplinkBps, relativeDeviation } })
        expect(prediction.expectedMs).toBeLessThanOrEqual(
          Math.min(prediction.remoteMs, prediction.localMs) + 1e-6,
        )
        expect(prediction.expectedMs).toBeGreaterThanOrEqual(prediction.edgeMs)
      },
    ),
  )
})

test('predict() with when-late finishes locally only after the worker is late, a deeper wound sooner', () => {
  const late = { ...calm, resume: 'when-late' as const, link: { ...link, relativeDeviation: 0.5 } }
  const prediction = predict(point, late)
  expect(prediction.lateMs).toBeCloseTo(prediction.remoteMs + 2 * prediction.remoteDeviationMs)
  expect(prediction.localMs).toBeCloseTo(prediction.lateMs + 60)
  expect(predict(point, calm).localMs).toBe(102)
})

const anyPoint = fc.record({
  wound: fc.string({ minLength: 1, maxLength: 6 }),
  codec: fc.constantFrom('uint8', 'float16'),
  inputMs: fc.nat(10),
  headMs: fc.oneof(fc.constant(0), fc.nat(100)),
  encodeMs: fc.nat(5),
  sendMs: fc.nat(5),
  bytes: fc.integer({ min: 1, max: 100_000 }),
  localTailMs: fc.nat(100),
  backendDecode: fc.constantFrom('picture' as const, 'features' as const, 'none' as const),
  backendDecodeMs: fc.nat(10),
  backendTailMs: fc.nat(10),
  resultBytes: fc.constant(2000),
})

test('paretoPoints() keeps a point that is best for every link', () => {
  fc.assert(
    fc.property(
      fc.array(anyPoint, { minLength: 1, maxLength: 30 }),
      fc.double({ min: 1e4, max: 1e8, noNaN: true }),
      (points, uplinkBps) => {
        const conditions = { ...calm, link: { ...link, uplinkBps } }
        const best = (candidates: readonly PlanPoint[]) =>
          Math.min(...candidates.map((candidate) => predict(candidate, conditions).remoteMs))
        expect(best(paretoPoints(points))).toBe(best(points))
      },
    ),
    { numRuns: 2000 },
  )
})

test('predict() expects no answer of a worker where nothing is sent', () => {
  const alone = predict(localPoint(100), { ...calm, edgeWaitMs: 20 })
  expect(alone).toMatchObject({ localMs: 120, expectedMs: 120, remoteMs: Number.POSITIVE_INFINITY })
  const { link: _, ...offline } = calm
  const cut = predict(point, { ...offline, link: undefined, edgeWaitMs: 20 })
  expect(cut).toMatchObject({ edgeMs: 62, localMs: 122, remoteMs: Number.POSITIVE_INFINITY })
})

test('choosePlan() chooses the local plan where no link is known, however fast a worker would be', () => {
  const free = { ...point, headMs: 0, encodeMs: 0, bytes: 0, backendTailMs: 0 }
  const local = localPoint(100)
  expect(choosePlan([free, local], { ...calm, link: undefined }).chosen.point).toBe(local)
})

test('predict() tells what of an answer’s time is its way down, half of an empty exchange included', () => {
  // 1000 bytes of a byte a microsecond, and half of 10 ms.
  expect(predict(point, calm).returnMs).toBe(1 + 5)
})

test('predict() is as unsure of a transfer as the link’s line is of its bytes, and no more than it takes', () => {
  // 5000 bytes up, 1000 down, a round trip.
  const networkMs = 5 + 1 + 10
  const deviation = (
    line: { base: number; cross: number; byte: number } | undefined,
    relativeDeviation = 0,
  ) =>
    predict(point, { ...calm, link: { ...link, relativeDeviation, ...(line && { line }) } }).remoteDeviationMs
  expect(deviation(undefined, 0.1)).toBeCloseTo(0.1 * networkMs)
  expect(deviation({ base: 9, cross: 0, byte: 0 })).toBeCloseTo(3)
  expect(deviation({ base: 9, cross: 0, byte: 0 }, 0.25)).toBeCloseTo(5)
  expect(deviation({ base: 0, cross: 0, byte: 1 })).toBeCloseTo(networkMs)
})
