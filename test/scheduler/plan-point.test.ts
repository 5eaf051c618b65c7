import fc from 'fast-check'
import { expect, test } from 'vitest'
import { localPoint, type PlanPoint, paretoPoints } from '../../src/scheduler/plan-point.ts'

const point: PlanPoint = {
  wound: 'middle',
  codec: 'uint8',
  inputMs: 10,
  headMs: 40,
  encodeMs: 2,
  sendMs: 1,
  bytes: 5000,
  localTailMs: 60,
  backendDecode: 'features',
  backendDecodeMs: 4,
  backendTailMs: 3,
  resultBytes: 1000,
}

/** Whether the second of two is dropped. */
const isDropped = (other: Partial<PlanPoint>, first: PlanPoint = point) =>
  paretoPoints([first, { ...first, codec: 'other', ...other }]).length === 1

test('paretoPoints() keeps the first of two that cost the same', () => {
  expect(paretoPoints([point, { ...point, codec: 'other' }])).toEqual([point])
})

test.each([
  ['more to make the input', { inputMs: 11 }],
  ['more to compute before', { headMs: 41 }],
  ['more to encode', { encodeMs: 3 }],
  ['more to encode the input', { sendMs: 2 }],
  ['more bytes', { bytes: 5001 }],
  ['more to finish here', { localTailMs: 61 }],
  ['more to decode there', { backendDecodeMs: 5 }],
  ['more to finish there', { backendTailMs: 4 }],
])('paretoPoints() drops what takes %s, wherever it stands, and keeps what takes less', (_, more) => {
  expect(isDropped(more)).toBe(true)
  const worse = { ...point, codec: 'other', ...more }
  expect(paretoPoints([worse, point])).toEqual([point])
})

test('paretoPoints() keeps what is better in one thing and worse in another', () => {
  const keys = ['encodeMs', 'sendMs', 'bytes', 'localTailMs', 'backendDecodeMs', 'backendTailMs'] as const
  const dropped = keys.flatMap((better) =>
    keys
      .filter((worse) => worse !== better && isDropped({ [better]: 0, [worse]: point[worse] + 5 }))
      .map((worse) => `${better} for ${worse}`),
  )
  // Encoding less makes up for some of the local tail that follows it.
  expect(dropped.filter((trade) => trade !== 'encodeMs for localTailMs')).toEqual([])
})

test('paretoPoints() compares decoding only of the same kind: a machine may be slow at one of them', () => {
  expect(isDropped({ backendDecode: 'picture', backendDecodeMs: 50 })).toBe(false)
  const raw = { ...point, backendDecode: 'none' as const, backendDecodeMs: 0 }
  expect(paretoPoints([point, raw])).toEqual([raw])
  const picture = { ...point, backendDecode: 'picture' as const }
  expect(isDropped({ backendDecodeMs: 5 }, picture)).toBe(true)
  const quicker = { ...picture, backendDecodeMs: 3 }
  expect(paretoPoints([picture, quicker])).toEqual([quicker])
})

test('paretoPoints() counts making the input before the head, or before the local tail where there is none', () => {
  const input = { ...point, wound: 'input', headMs: 0, encodeMs: 0, localTailMs: 100, inputMs: 30 }
  // Later here, though nothing before it is sent.
  expect(isDropped({ inputMs: 31 }, input)).toBe(true)
  const sooner = { ...input, inputMs: 31, localTailMs: 98 }
  expect(paretoPoints([input, sooner])).toEqual([sooner])
  // Before a head it delays what is sent: nothing that is quicker afterwards makes up for it.
  expect(isDropped({ inputMs: 12, localTailMs: 50 })).toBe(false)
  expect(isDropped({ inputMs: 12, headMs: 39, localTailMs: 61 })).toBe(true)
})

test('paretoPoints() keeps only what nothing matches, and something that matches each that is dropped', () => {
  const times = fc.integer({ min: 0, max: 3 })
  const some = fc.record({ encodeMs: times, bytes: times, backendTailMs: times, localTailMs: times })
  const costs = (p: PlanPoint) => [p.encodeMs, p.bytes, p.backendTailMs, p.encodeMs + p.localTailMs]
  const covers = (a: PlanPoint, b: PlanPoint) => costs(a).every((cost, i) => cost <= costs(b)[i]!)
  fc.assert(
    fc.property(fc.array(some, { minLength: 1, maxLength: 12 }), (fields) => {
      const points = fields.map((each): PlanPoint => ({ ...point, ...each }))
      const kept = paretoPoints(points)
      for (const each of points) expect(kept.some((other) => covers(other, each))).toBe(true)
      for (const one of kept) expect(kept.some((other) => other !== one && covers(other, one))).toBe(false)
    }),
  )
})

test('localPoint() costs the edge alone', () => {
  expect(localPoint(100, 6)).toEqual({
    wound: 'local',
    codec: 'none',
    precision: 'float32',
    inputMs: 6,
    headMs: 100,
    encodeMs: 0,
    sendMs: 0,
    bytes: 0,
    localTailMs: 0,
    backendDecode: 'none',
    backendDecodeMs: 0,
    backendTailMs: 0,
    resultBytes: 0,
  })
})
