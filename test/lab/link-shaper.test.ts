import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Capacity } from '../../lab/link-capacity.ts'
import { type Arrival, createLinkShaper, type LinkShaper } from '../../lab/link-shaper.ts'

const shaper = (
  capacity: Capacity,
  oneWayDelayMs = 0,
  bufferBytes = 65_536,
  lateMs = 0,
): LinkShaper<string> => {
  return createLinkShaper<string>({ capacity, oneWayDelayMs, bufferBytes, lateMs, nowMs: 0 })
}

const length = (arrivals: readonly Arrival<string>[]): number =>
  arrivals.reduce((sum, { load }) => sum + (load?.length ?? 0), 0)

interface Burst {
  readonly atMs: number
  readonly bytes: number
}

/** When each byte leaves, one byte after the other: nothing of the shaper's algebra. */
function departuresByByte(capacity: Capacity, bursts: readonly Burst[]): number[] {
  const arrivals = bursts.flatMap(({ atMs, bytes }) => Array.from({ length: bytes }, () => atMs))
  const left: number[] = []
  if (typeof capacity === 'number') {
    let freeMs = 0
    for (const atMs of arrivals) {
      freeMs = Math.max(freeMs, atMs) + 8000 / capacity
      left.push(freeMs)
    }
    return left
  }
  if ('steps' in capacity) throw new TypeError('Only traces of packets and constant rates are drawn here')
  const { opportunitiesMs } = capacity
  for (let round = 0; left.length < arrivals.length; round++)
    for (const opportunityMs of opportunitiesMs) {
      const atMs = round * opportunitiesMs.at(-1)! + opportunityMs
      for (let room = 1500; room > 0 && (arrivals[left.length] ?? Infinity) < atMs; room--) left.push(atMs)
    }
  return left
}

const anyCapacity: fc.Arbitrary<Capacity> = fc.oneof(
  fc.integer({ min: 8_000, max: 50_000_000 }),
  fc
    .array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 20 })
    .map((values) => ({ opportunitiesMs: [...values, 61].toSorted((a, b) => a - b) })),
)
const anyBursts = fc
  .array(
    fc.record({
      gapMs: fc.double({ min: 0.001, max: 40, noNaN: true }),
      bytes: fc.integer({ min: 1, max: 3000 }),
    }),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  .map((bursts) => {
    let atMs = 0
    return bursts.map(({ gapMs, bytes }) => ({ atMs: (atMs += gapMs), bytes }))
  })

describe('createLinkShaper', () => {
  test('lets every byte leave when a byte-by-byte model does, however often it is asked', () => {
    fc.assert(
      fc.property(
        anyCapacity,
        anyBursts,
        fc.double({ min: 0, max: 50, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 600, noNaN: true }), { maxLength: 30 }),
        (capacity, bursts, delayMs, looks) => {
          const link = shaper(capacity, delayMs)
          const expected = departuresByByte(capacity, bursts)
          const events = [...bursts, ...looks.map((atMs) => ({ atMs, bytes: 0 }))].toSorted(
            (a, b) => a.atMs - b.atMs,
          )
          const got: Arrival<string>[] = []
          let sent = 0
          for (const { atMs, bytes } of events) {
            if (bytes === 0) got.push(...link.collect(atMs))
            else
              link.offer(
                'a',
                Uint8Array.from({ length: bytes }, () => sent++ % 251),
                atMs,
              )
          }
          got.push(...link.collect(expected.at(-1)! + delayMs + 0.001))
          expect(length(got)).toBe(sent)
          let byte = 0
          let wrong = 0
          let worstMs = 0
          for (const { load, leftMs, arrivedMs } of got) {
            wrong += load!.reduce((count, value) => count + (value === byte++ % 251 ? 0 : 1), 0)
            worstMs = Math.max(
              worstMs,
              Math.abs(leftMs - expected[byte - 1]!),
              Math.abs(arrivedMs - leftMs - delayMs),
            )
          }
          expect(wrong).toBe(0)
          expect(worstMs).toBeLessThan(1e-6)
          expect(link.wakeAtMs()).toBe(Infinity)
        },
      ),
      { numRuns: 200 },
    )
  })

  test('carries exactly its rate up to every look of half a minute, whatever the rhythm of the calls', () => {
    const rate = 50_000_000
    const link = shaper(rate)
    const chunk = new Uint8Array(65_536)
    let nowMs = 0
    let crossed = 0
    let worst = 0
    for (let step = 0; step < 20_000; step++) {
      link.offer('a', chunk.subarray(0, link.freeBytes()), nowMs)
      nowMs += 1 + (step % 7) * 0.31
      crossed += length(link.collect(nowMs))
      worst = Math.max(worst, Math.abs(crossed - Math.floor((nowMs * rate) / 8000)))
    }
    expect(worst).toBe(0)
  })

  test('wakes its owner no later than the next byte can cross, and never in vain', () => {
    fc.assert(
      fc.property(anyCapacity, anyBursts, (capacity, bursts) => {
        const link = shaper(capacity, 3)
        const total = bursts.reduce((sum, { bytes }) => sum + bytes, 0)
        for (const { bytes } of bursts) link.offer('a', new Uint8Array(bytes), 0)
        let crossed = 0
        let calls = 0
        while (crossed < total) {
          const wakeMs = link.wakeAtMs()
          expect(wakeMs).toBeLessThan(Infinity)
          crossed += length(link.collect(wakeMs + 1e-6))
          expect(++calls).toBeLessThan(2 * total + 2)
        }
        const doneMs =
          departuresByByte(
            capacity,
            bursts.map(({ bytes }) => ({ atMs: -1e-9, bytes })),
          ).at(-1)! + 3
        expect(length(link.collect(doneMs + 1))).toBe(0)
      }),
    )
  })

  test('holds everything in an outage, ends included, and loses nothing', () => {
    const link = shaper(0, 10)
    link.offer('a', Uint8Array.of(1, 2, 3), 0)
    link.offerEnd('a', 0)
    expect(link.collect(1e9)).toEqual([])
    expect(link.wakeAtMs()).toBe(Infinity)
    link.setCapacity(8000, 1e9)
    link.collect(1e9 + 2)
    expect(link.collect(1e9 + 14)).toMatchObject([
      { load: Uint8Array.of(1, 2), leftMs: 1e9 + 2, arrivedMs: 1e9 + 12 },
      { load: Uint8Array.of(3), leftMs: 1e9 + 3, arrivedMs: 1e9 + 13 },
      { load: undefined, leftMs: 1e9 + 4, arrivedMs: 1e9 + 14 },
    ])
  })

  test('bytes in flight arrive although the link has died behind them', () => {
    const link = shaper(8000, 100)
    link.offer('a', Uint8Array.of(1, 2), 0)
    link.setCapacity(0, 1)
    expect(link.collect(101)).toMatchObject([{ load: Uint8Array.of(1), arrivedMs: 101 }])
    expect(link.queuedBytes()).toBe(1)
  })

  test('a shorter delay never lets bytes overtake', () => {
    const link = shaper(8000, 100)
    link.offer('a', Uint8Array.of(1, 2), 0)
    link.setOneWayDelay(5, 1)
    expect(link.collect(102)).toMatchObject([{ arrivedMs: 101 }, { leftMs: 2, arrivedMs: 101 }])
  })

  test('a rate change divides the bytes at its moment', () => {
    const link = shaper(8000)
    link.offer('a', new Uint8Array(100), 0)
    link.setCapacity(80_000, 20)
    expect(length(link.collect(20))).toBe(20)
    expect(length(link.collect(25))).toBe(50)
    expect(length(link.collect(28))).toBe(30)
  })

  test('refuses more than its buffer holds and forgets a discarded flow', () => {
    const link = shaper(0, 0, 10)
    link.offer('a', new Uint8Array(6), 0)
    link.offer('b', new Uint8Array(4), 0)
    expect(link.freeBytes()).toBe(0)
    expect(() => link.offer('a', new Uint8Array(1), 0)).toThrow(
      'length must be <= 0 free bytes, current value is 1',
    )
    link.discard('a')
    expect([link.freeBytes(), link.queuedBytes()]).toEqual([6, 4])
  })

  test('with grace, a late owner loses no capacity and an idle source all of it', () => {
    const link = shaper(8_000_000, 0, 1000, 20)
    link.offer('a', new Uint8Array(1000), 0)
    // 10 ms late: 9000 bytes more could have crossed, and did wait behind the full buffer.
    let crossed = length(link.collect(10))
    for (let i = 0; i < 20; i++) {
      link.offer('a', new Uint8Array(Math.min(700, link.freeBytes())), 10)
      crossed += length(link.collect(10))
    }
    expect(crossed).toBe(10_000)
    link.collect(500)
    expect(link.inGrace()).toBe(true)
    link.endGrace(500)
    link.offer('a', new Uint8Array(900), 1000)
    expect(length(link.collect(1000))).toBe(0)
  })

  test('an unlimited link has only its delay', () => {
    const link = shaper(Infinity, 7)
    link.collect(1e6)
    link.offer('a', new Uint8Array(65_536), 1e6)
    expect(length(link.collect(1e6 + 6.9))).toBe(0)
    expect(length(link.collect(1e6 + 7.01))).toBe(65_536)
  })

  test.each([
    [{ capacity: -1 }, 'capacity must be >= 0 bits per second, current value is -1'],
    [{ capacity: Number.NaN }, 'capacity must be >= 0 bits per second, current value is NaN'],
    [{ capacity: { opportunitiesMs: [] } }, 'a trace that ends after 0 ms'],
    [{ oneWayDelayMs: -1 }, 'oneWayDelayMs must be >= 0, current value is -1'],
    [{ bufferBytes: 0 }, 'bufferBytes must be > 0, current value is 0'],
  ])('refuses %j', (wrong, message) => {
    const right = { capacity: 1, oneWayDelayMs: 0, bufferBytes: 1, nowMs: 0 }
    expect(() => createLinkShaper({ ...right, ...wrong })).toThrow(message)
  })
})
