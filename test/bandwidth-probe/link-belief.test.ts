import { beforeEach, expect, test } from 'vitest'
import { LinkBelief } from '../../src/bandwidth-probe/link-belief.ts'
import { TransferEstimator } from '../../src/bandwidth-probe/transfer-estimator.ts'

const idle = { bytes: 0, oldestSentAtMs: undefined }
let belief: LinkBelief
beforeEach(() => {
  belief = new LinkBelief({ staleMs: 1000, probeBytes: 2048 })
})

/** Acknowledged messages of a link of 8 Mbps and 20 ms, one a second from then on. */
function acknowledge(fromMs: number, sizes = [500, 20_000, 1000, 30_000, 500, 10_000]): number {
  let atMs = fromMs
  for (const bytes of sizes) {
    belief.acknowledged(bytes, 20 + bytes / 1000, atMs)
    atMs += 1000
  }
  return atMs - 1000
}

test('LinkBelief knows nothing before the first acknowledgement, and is down without a session', () => {
  expect(belief.snapshot(5, idle)).toEqual({ kind: 'down', reason: 'no session with the broker', sinceMs: 0 })
  belief.connected(10)
  expect(belief.snapshot(11, idle)).toEqual({ kind: 'unknown' })
  acknowledge(20)
  belief.disconnected(9000)
  expect(belief.snapshot(9500, idle)).toMatchObject({ kind: 'down', sinceMs: 9000 })
})

test('LinkBelief forgets what it knew of another network interface, and keeps what it knows of the same', () => {
  belief.connected(0, 'eth0')
  acknowledge(20)
  belief.disconnected(9000)
  belief.connected(9100, 'eth0')
  expect(belief.snapshot(9200, idle).kind).toBe('up')
  belief.disconnected(9300)
  // One that does not tell by what it came is taken for the same.
  belief.connected(9400)
  expect(belief.snapshot(9500, idle).kind).toBe('up')
  belief.disconnected(9600)
  belief.connected(9700, 'wwan0')
  expect(belief.snapshot(9800, idle)).toEqual({ kind: 'unknown' })
  expect(belief.changes).toBe(1)
  belief.acknowledged(1000, 300, 10_100)
  expect(belief.snapshot(10_100, idle)).toMatchObject({ kind: 'up' })
})

test('LinkBelief: speed and round trip are a guess until messages of two sizes have told them apart', () => {
  const isGuess = () => {
    const state = belief.snapshot(9000, idle)
    return state.kind === 'up' && state.isGuess
  }
  belief.connected(0, 'eth0')
  belief.acknowledged(256, 40, 100)
  expect(isGuess()).toBe(true)
  belief.acknowledged(1000, 41, 2000)
  expect(isGuess()).toBe(true)
  belief.acknowledged(2048, 42, 4000)
  expect(isGuess()).toBe(false)
  belief.disconnected(5000)
  belief.connected(6000, 'wwan0')
  belief.acknowledged(2048, 300, 7000)
  expect(isGuess()).toBe(true)
  // One behind another: what lies between their acknowledgements is bytes alone.
  belief.acknowledged(2048, 400, 7100)
  expect(isGuess()).toBe(false)
})

test('LinkBelief learns rate and round trip, and how long the answers take down', () => {
  belief.connected(0)
  const nowMs = acknowledge(0)
  const state = belief.snapshot(nowMs, { bytes: 700, oldestSentAtMs: nowMs })
  if (state.kind !== 'up') throw new Error('the link must be up')
  expect(state.uplinkBps / 8e6).toBeCloseTo(1, 1)
  expect(state.roundTripMs).toBeCloseTo(20, 0)
  expect(state.downlinkBps).toBe(10e6)
  expect(state.backlogBytes).toBe(700)
  for (const bytes of [1000, 50_000, 2000, 40_000]) belief.answered(bytes, bytes / 250, nowMs)
  const after = belief.snapshot(nowMs, idle)
  expect(after.kind === 'up' && after.downlinkBps / 2e6).toBeCloseTo(1, 1)
})

test('LinkBelief calls a link down on which nothing has moved for longer than it should take', () => {
  belief.connected(0)
  const sentMs = acknowledge(0)
  const stalled = { bytes: 1000, oldestSentAtMs: sentMs }
  expect(belief.snapshot(sentMs + 990, stalled).kind).toBe('up')
  expect(belief.snapshot(sentMs + 1010, stalled)).toMatchObject({ kind: 'down', sinceMs: sentMs })
  // A megabyte takes about a second on this link: only three times as long is too long.
  const large = { bytes: 1_000_000, oldestSentAtMs: sentMs }
  expect(belief.snapshot(sentMs + 2500, large).kind).toBe('up')
  expect(belief.snapshot(sentMs + 4000, large).kind).toBe('down')
})

test('LinkBelief is less sure of what it has not seen for a while', () => {
  belief.connected(0)
  let nowMs = 0
  for (let i = 0; i < 10; i++) nowMs = acknowledge(nowMs)
  const deviationAt = (atMs: number) => {
    const state = belief.snapshot(atMs, idle)
    return state.kind === 'up' ? state.relativeDeviation : Number.NaN
  }
  expect(deviationAt(nowMs + 10_000)).toBeGreaterThan(deviationAt(nowMs) + 0.2)
})

/** The first probes of a session over a link on which a message takes `ms`. */
function open(ms: (probe: { bytes: number }) => number): number[] {
  const sent: number[] = []
  for (let atMs = 0; sent.length < 10; ) {
    const bytes = belief.nextProbe(atMs, idle)
    if (bytes === undefined) break
    sent.push(bytes)
    atMs += ms({ bytes })
    belief.acknowledged(bytes, ms({ bytes }), atMs)
  }
  return sent
}

test('LinkBelief fills no thin link with its first probes, for it would be lost, and filled again and again', () => {
  const over = (bps: number, roundTripMs: number) => {
    belief = new LinkBelief({ staleMs: 1000, probeBytes: 2048 })
    belief.connected(0)
    return open(({ bytes }) => roundTripMs + (8000 * bytes) / bps).filter((bytes) => bytes > 2048)
  }
  expect(over(16_000, 40)).toEqual([])
  expect(over(32_000, 40)).toEqual([])
  expect(over(64_000, 40)).toEqual([16_384])
  expect(over(1e6, 40)).toEqual([16_384, 32_768])
  // A satellite's.
  expect(over(1e6, 600)).toEqual([16_384, 32_768])
})

test('LinkBelief asks seldom while nobody asks anything', () => {
  belief.connected(0)
  open(({ bytes }) => 20 + bytes / 1000)
  acknowledge(0)
  const pauses = (idleMs: number, hasWorkers = true) => {
    const from = 5000
    let pauseMs = 0
    while (pauseMs < 40_000 && belief.nextProbe(from + pauseMs, idle, { idleMs, hasWorkers }) === undefined)
      pauseMs += 250
    return pauseMs
  }
  expect(pauses(0)).toBeLessThanOrEqual(1250)
  expect(pauses(60_000)).toBe(6250)
  expect(pauses(86_400_000)).toBe(30_250)
  expect(pauses(0, false)).toBe(40_000)
})

test('LinkBelief sends one small probe and no other where there is no worker', () => {
  belief.connected(0)
  const nobody = { idleMs: 0, hasWorkers: false }
  expect(belief.nextProbe(0, idle, nobody)).toBe(256)
  belief.acknowledged(256, 20, 20)
  expect(belief.nextProbe(20, idle, nobody)).toBeUndefined()
  expect(belief.snapshot(20, idle)).toMatchObject({ kind: 'up' })
  expect(belief.nextProbe(60_000, idle, { ...nobody, hasWorkers: true })).toBe(2048)
})

test('LinkBelief probes small and large at the start, then only what is stale, and never behind other messages', () => {
  expect(belief.nextProbe(0, idle)).toBeUndefined()
  belief.connected(0)
  expect(belief.nextProbe(0, { bytes: 1, oldestSentAtMs: 0 })).toBeUndefined()
  expect(open(({ bytes }) => 20 + bytes / 1000)).toEqual([256, 2048, 256, 16_384, 32_768])
  const nowMs = acknowledge(0)
  expect(belief.nextProbe(nowMs + 10, idle)).toBeUndefined()
  // 2048 bytes take 2 ms of 8 Mbps: at a twentieth of it one in 41 ms, so that its age decides.
  expect(belief.nextProbe(nowMs + 990, idle)).toBeUndefined()
  expect(belief.nextProbe(nowMs + 1010, idle)).toBe(2048)
  expect(belief.nextProbe(nowMs + 1010, idle)).toBe(256)
})

test('LinkBelief leaves a thin link to others, and begins anew with a new session', () => {
  belief.connected(0)
  open(({ bytes }) => 100 + bytes / 2)
  // 16 kbit/s: a probe is a second of it, and only one in twenty may be a probe's.
  for (let i = 1; i <= 6; i++) belief.acknowledged(i * 500, 100 + i * 250, i * 1000)
  expect(belief.nextProbe(15_000, idle)).toBeUndefined()
  expect(belief.nextProbe(30_000, idle)).toBe(2048)
  belief.connected(31_000)
  expect(belief.nextProbe(31_000, idle)).not.toBe(16_384)
  belief.disconnected(32_000)
  expect(belief.nextProbe(32_000, idle)).toBeUndefined()
  belief.connected(33_000)
  expect(belief.nextProbe(33_000, idle)).toBe(256)
  expect(belief.nextProbe(33_000, idle)).toBe(2048)
})

test('messages that wait behind one another tell the rate, and do not make the empty exchange look longer', () => {
  belief.connected(0)
  // 2 Mbps and 10 ms: bursts of a large message and two small ones, of which only the first has the link to itself.
  let nowMs = 0
  for (let burst = 0; burst < 40; burst++) {
    const sentAtMs = 1000 * burst
    let leftMs = sentAtMs
    for (const bytes of [burst % 3 === 0 ? 500 : 17_000, 2700, 2700]) {
      leftMs += bytes / 250
      nowMs = leftMs + 10
      belief.acknowledged(bytes, nowMs - sentAtMs, nowMs)
    }
  }
  const state = belief.snapshot(nowMs, idle)
  if (state.kind !== 'up') throw new Error('the link must be up')
  expect(state.uplinkBps / 2e6).toBeCloseTo(1, 2)
  expect(state.roundTripMs).toBeCloseTo(10, 1)
  expect(state.relativeDeviation).toBeLessThan(0.06)
})

test('what delays one acknowledgement and hurries the next is no doubt of the rate', () => {
  belief.connected(0)
  let nowMs = 0
  for (let n = 0; n < 200; n++) {
    const bytes = n % 2 === 0 ? 2000 : 12_000
    const late = n % 3 === 0 ? 8 : 0
    nowMs = 100 * n
    belief.acknowledged(bytes, 10 + bytes / 250 + late, nowMs)
  }
  const state = belief.snapshot(nowMs, idle)
  if (state.kind !== 'up') throw new Error('the link must be up')
  expect(state.relativeDeviation).toBeGreaterThan(0.1)
  expect(state.rateDeviation).toBeLessThan(0.07)
})

test('LinkBelief is connected and disconnected once, however often it is said', () => {
  belief.connected(0)
  expect(belief.nextProbe(0, idle)).toBe(256)
  belief.connected(10)
  expect(belief.nextProbe(10, idle)).toBe(2048)
  belief.disconnected(20)
  belief.disconnected(30)
  expect(belief.snapshot(40, idle)).toMatchObject({ kind: 'down', sinceMs: 20 })
})

test('LinkBelief counts of what is in flight what has yet to cross', () => {
  belief.connected(0)
  const nowMs = acknowledge(0)
  const backlog = (atMs: number, oldestBytes: number | undefined, oldestSentAtMs: number) => {
    const state = belief.snapshot(atMs, { bytes: 10_000, oldestBytes, oldestSentAtMs })
    return state.kind === 'up' ? state.backlogBytes : undefined
  }
  // A thousand bytes a millisecond, and no more than the oldest message has.
  expect(backlog(nowMs + 5, 10_000, nowMs)).toBeCloseTo(5000, -2)
  expect(backlog(nowMs + 5, 2000, nowMs)).toBe(8000)
  expect(backlog(nowMs + 5, undefined, nowMs)).toBe(10_000)
  // It could not begin before the one in front of it was there.
  expect(backlog(nowMs + 5, 10_000, nowMs - 400)).toBeCloseTo(5000, -2)
})

test('LinkBelief counts a wait from when the message could begin to cross', () => {
  belief.connected(0)
  const nowMs = acknowledge(0)
  const behind = { bytes: 1000, oldestSentAtMs: nowMs - 900 }
  expect(belief.snapshot(nowMs + 900, behind).kind).toBe('up')
  expect(belief.snapshot(nowMs + 1100, behind)).toMatchObject({ kind: 'down', sinceMs: nowMs })
})

test('LinkBelief adds what an empty request and what an empty answer take', () => {
  belief.connected(0)
  const nowMs = acknowledge(0)
  for (const bytes of [1000, 50_000, 2000, 40_000]) belief.answered(bytes, 30 + bytes / 250, nowMs)
  const state = belief.snapshot(nowMs, idle)
  expect(state.kind === 'up' && state.roundTripMs).toBeCloseTo(50, 0)
})

test('LinkBelief loses five hundredths of what it is sure of in a second', () => {
  belief.connected(0)
  const nowMs = acknowledge(0)
  const deviations = [0, 2, 10].map((seconds) => {
    const state = belief.snapshot(nowMs + 1000 * seconds, idle)
    if (state.kind !== 'up') throw new Error('the link must be up')
    return [state.relativeDeviation, state.rateDeviation!] as const
  })
  const [own, ofRate] = deviations[0]!
  expect(deviations[1]).toEqual([Math.hypot(own, 0.1), Math.hypot(ofRate, 0.1)])
  expect(deviations[2]).toEqual([Math.hypot(own, 0.5), Math.hypot(ofRate, 0.5)])
})

test('LinkBelief doubts a speed the longer no message has crossed that was large enough to tell', () => {
  belief.connected(0)
  const alone = new TransferEstimator()
  let nowMs = 0
  const cross = (sizes: readonly number[]) => {
    for (const bytes of sizes) {
      nowMs += 1000
      belief.acknowledged(bytes, 20 + bytes / 1000, nowMs)
      alone.observe({ bytes, ms: 20 + bytes / 1000, atMs: nowMs })
    }
  }
  /** How many squares of a byte's time the variance is above what the line alone leaves open. */
  const wandered = (atMs: number) => {
    const state = belief.snapshot(atMs, idle)
    const { line, bitsPerSecond } = alone.estimate(atMs)!
    if (state.kind !== 'up') throw new Error('the link must be up')
    expect(state.line).toMatchObject({ base: line.base, cross: line.cross })
    return (state.line!.byte - line.byte) / (8000 / bitsPerSecond) ** 2
  }
  cross([500, 30_000, 1000, 30_000, 500, 30_000])
  expect(wandered(nowMs)).toBeCloseTo(0)
  // 0.09 a second, of the logarithm.
  expect(wandered(nowMs + 10_000)).toBeCloseTo(Math.expm1(0.9), 6)
  expect(wandered(nowMs + 500_000) / Math.expm1(9)).toBeCloseTo(1, 6)
  cross(Array.from({ length: 10 }, () => 500))
  expect(wandered(nowMs)).toBeCloseTo(Math.expm1(0.9), 6)
  // Half of the largest of late.
  cross([16_000])
  expect(wandered(nowMs)).toBeCloseTo(0)
  cross(Array.from({ length: 60 }, () => 500))
  expect(wandered(nowMs)).toBeCloseTo(Math.expm1(5.4), 3)
  // A minute later the largest are a seventh of what they were.
  cross([3000])
  expect(wandered(nowMs)).toBeCloseTo(0)
  nowMs += 10_000
  belief.acknowledged(500, 20.5, nowMs)
  alone.observe({ bytes: 500, ms: 20.5, atMs: nowMs })
  expect(wandered(nowMs)).toBeGreaterThan(1)
  // What follows at once has nothing but its own bytes in its time.
  belief.acknowledged(500, 20.5, nowMs + 0.5)
  alone.observe({ bytes: 500, ms: 0.5, atMs: nowMs + 0.5, isQueued: true })
  expect(wandered(nowMs + 0.5)).toBeCloseTo(0)
})

test('LinkBelief asks at once what to think of a message that contradicts the others', () => {
  belief.connected(0)
  open(({ bytes }) => 20 + bytes / 1000)
  const nowMs = acknowledge(1000)
  expect(belief.nextProbe(nowMs + 100, idle)).toBeUndefined()
  belief.acknowledged(20_000, 500, nowMs + 700)
  expect(belief.nextProbe(nowMs + 710, idle)).toBe(2048)
  expect(belief.nextProbe(nowMs + 720, idle)).toBe(2048)
})

test('LinkBelief sends no large probe before small ones have come back, whatever else has crossed', () => {
  const sizes = (count: number, atMs: number) =>
    Array.from({ length: count }, (_, i) => belief.nextProbe(atMs + i, idle))
  belief.connected(0)
  expect(sizes(5, 0)).toEqual([256, 2048, 256, 2048, 256])
  belief.disconnected(10)
  belief.connected(20)
  expect(sizes(3, 20)).toEqual([256, 2048, 256])
  belief.acknowledged(256, 20, 40)
  belief.acknowledged(2048, 22, 64)
  // A picture that had to wait says nothing of how long a probe would fill the link.
  belief.acknowledged(20_000, 5000, 6000)
  expect(sizes(2, 6001)).toEqual([16_384, 32_768])
})
