import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Arrival, simulate, type World } from '../../../lab/replay/simulate.ts'
import type { LinkPhase } from '../../../lab/replay/virtual-link.ts'
import type { WorkerSpec } from '../../../lab/replay/virtual-worker.ts'
import { toySetup } from '../../scheduler/toy-setup.ts'

const wholeMs = 100
const longestSegmentMs = 60
const inputMs = 4
const setup = toySetup()
const steady: readonly LinkPhase[] = [{ fromMs: 0, capacity: 8e6, oneWayDelayMs: 5 }]

function worker(id: string, fields: Partial<WorkerSpec> = {}): WorkerSpec {
  const tailMs = new Map([
    ['input', 10],
    ['middle', 5],
  ])
  return { id, tailMs, pictureMs: 2, factorAt: () => 1, stateAt: () => 'serves', ...fields }
}

/** One every so often, so that each is alone. */
function every(intervalMs: number, count: number, bytes = 10_000): Arrival[] {
  return Array.from({ length: count }, (_, i) => ({ atMs: i * intervalMs, bytes }))
}

function world(fields: Partial<World> = {}): World {
  return {
    setup,
    uplink: steady,
    downlink: steady,
    edgeFactorAt: () => 1,
    inputMs,
    workers: [worker('w')],
    arrivals: every(300, 20),
    timeLimitMs: 20_000,
    ...fields,
  }
}

const sentTo = (requests: Awaited<ReturnType<typeof simulate>>, id: string) =>
  requests.filter(({ trace }) => trace.plan?.worker?.id === id && trace.measured.sentBytes > 0)

test('simulate(): predictions of a steady world come true within 2 %', async () => {
  const requests = await simulate(world())
  for (const { trace, outcome } of requests) {
    expect(outcome).toEqual({ kind: 'answered', finishedAt: 'worker' })
    expect(Math.abs(trace.measured.totalMs / trace.plan!.chosen.expectedMs - 1)).toBeLessThan(0.02)
  }
})

test('simulate(): what a worker turns out to be slower than announced is learned, also where its answers are too late', async () => {
  const slow = worker('slow', { factorAt: () => 12 })
  const requests = await simulate(world({ workers: [slow], arrivals: every(400, 40) }))
  // One lesson, and then none while it is remembered.
  expect(sentTo(requests, 'slow').length).toBeLessThan(5)
  const both = await simulate(world({ workers: [slow, worker('fast')], arrivals: every(400, 40) }))
  expect(sentTo(both, 'fast').length).toBeGreaterThan(30)
})

test('simulate(): a worker that takes requests and never answers is not asked again at once, but now and then', async () => {
  const mute = worker('mute', { stateAt: () => 'silent' })
  const check = (requests: Awaited<ReturnType<typeof simulate>>) => {
    const asked = sentTo(requests, 'mute').map(({ arrival }) => arrival.atMs)
    expect(asked.filter((atMs) => atMs < 2000).length).toBeLessThanOrEqual(2)
    expect(asked.length).toBeGreaterThan(3)
    expect(asked.length).toBeLessThan(13)
    for (const { outcome } of requests) expect(outcome).toEqual({ kind: 'answered', finishedAt: 'edge' })
  }
  // Of a minute; where the edge is slow, what is waited for shows that it is silent and not only slow.
  check(await simulate(world({ workers: [mute], arrivals: every(400, 150) })))
  const slowEdge = { edgeFactorAt: () => 4 }
  check(await simulate(world({ workers: [mute], arrivals: every(900, 67), ...slowEdge })))
})

test('simulate(): a worker that is gone is not asked, and is again when it is back', async () => {
  const away = worker('away', { stateAt: (nowMs) => (nowMs > 3000 && nowMs < 9000 ? 'gone' : 'serves') })
  const requests = await simulate(world({ workers: [away], arrivals: every(500, 30) }))
  const asked = sentTo(requests, 'away').map(({ arrival }) => arrival.atMs)
  // It announces once a second.
  expect(asked.filter((atMs) => atMs > 4500 && atMs < 9000)).toEqual([])
  expect(asked.filter((atMs) => atMs < 3000).length).toBe(6)
  expect(asked.filter((atMs) => atMs >= 10_500).length).toBe(9)
})

test('simulate(): equal workers share a burst evenly', async () => {
  const workers = ['a', 'b', 'c'].map((id) => worker(id))
  const requests = await simulate(world({ workers, arrivals: every(12, 90, 4000) }))
  const shares = workers.map(({ id }) => sentTo(requests, id).length)
  expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(3)
  expect(shares.reduce((sum, share) => sum + share)).toBeGreaterThan(80)
})

test('simulate(): a dead link is noticed, nothing is sent over it, and it is used again when it is back', async () => {
  const uplink = [
    ...steady,
    { fromMs: 5000, capacity: 0, oneWayDelayMs: 5 },
    { fromMs: 15_000, capacity: 8e6, oneWayDelayMs: 5 },
  ]
  const requests = await simulate(world({ uplink, arrivals: every(400, 60) }))
  const planned = (fromMs: number, toMs: number) =>
    requests
      .filter(({ arrival }) => arrival.atMs >= fromMs && arrival.atMs < toMs)
      .map(({ trace }) => trace.plan!.chosen.point.wound)
  expect(new Set(planned(6500, 15_000))).toEqual(new Set(['local']))
  expect(new Set(planned(17_000, 24_000))).toEqual(new Set(['input']))
  for (const { trace } of requests) expect(trace.measured.totalMs).toBeLessThanOrEqual(inputMs + wholeMs + 2)
})

test('simulate(): work that waits for the edge is foreseen, insurance included once the link is dead', async () => {
  const dead = [{ fromMs: 0, capacity: 0, oneWayDelayMs: 5 }]
  const requests = await simulate(world({ uplink: dead, arrivals: every(20, 8) }))
  for (const { trace } of requests)
    expect(Math.abs(trace.measured.totalMs - trace.plan!.chosen.expectedMs)).toBeLessThan(longestSegmentMs)
  expect(requests.at(-1)!.trace.measured.totalMs).toBeGreaterThan(7 * wholeMs - 7 * 20)
})

const anyPhases = fc
  .array(
    fc.record({
      lengthMs: fc.integer({ min: 50, max: 6000 }),
      capacity: fc.oneof(
        fc.constant(0),
        fc.double({ min: 4.5, max: 8, noNaN: true }).map((e) => 10 ** e),
      ),
      oneWayDelayMs: fc.integer({ min: 0, max: 120 }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => {
    let fromMs = 0
    return parts.map(({ lengthMs, ...phase }): LinkPhase => {
      const begun = { ...phase, fromMs }
      fromMs += lengthMs
      return begun
    })
  })

const anyWorker = fc.record({
  factor: fc.double({ min: 0.3, max: 30, noNaN: true }),
  turnsMs: fc.integer({ min: 0, max: 8000 }),
  before: fc.constantFrom('serves' as const, 'silent' as const, 'gone' as const),
  after: fc.constantFrom('serves' as const, 'silent' as const, 'gone' as const),
})

const anyWorld = fc
  .record({
    uplink: anyPhases,
    downlink: anyPhases,
    edgeFactor: fc.double({ min: 0.5, max: 4, noNaN: true }),
    workers: fc.array(anyWorker, { maxLength: 3 }),
    gapsMs: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1500 })), {
      minLength: 1,
      maxLength: 7,
    }),
    bytes: fc.integer({ min: 100, max: 200_000 }),
    resume: fc.constantFrom('at-once' as const, 'when-late' as const),
  })
  .map(({ edgeFactor, workers, gapsMs, bytes, resume, ...links }) => {
    let atMs = 0
    const arrivals = gapsMs.map((gapMs) => ({ atMs: (atMs += gapMs), bytes }))
    const specs = workers.map(({ factor, turnsMs, ...state }, i) =>
      worker(`w${i}`, {
        factorAt: () => factor,
        stateAt: (nowMs) => (nowMs < turnsMs ? state.before : state.after),
      }),
    )
    const changes = { edgeFactorAt: () => edgeFactor, workers: specs, arrivals, setup: { ...setup, resume } }
    return { edgeFactor, gapsMs, world: world({ ...links, ...changes }) }
  })

test('whatever link and workers do, every request is answered exactly once, and one alone no later than locally plus a segment', async () => {
  await fc.assert(
    fc.asyncProperty(anyWorld, async ({ edgeFactor, gapsMs, world: each }) => {
      const requests = await simulate(each)
      const isAlone = gapsMs.slice(1).every((gapMs) => gapMs > 2 * edgeFactor * wholeMs + inputMs)
      const isInsured = isAlone && each.setup.resume === 'at-once'
      const latestMs = inputMs + edgeFactor * (wholeMs + longestSegmentMs) + 1e-6
      for (const { outcome, outcomes, trace } of requests) {
        expect(outcomes).toBe(1)
        expect(outcome?.kind).toBe('answered')
        expect(isInsured ? trace.measured.totalMs : 0).toBeLessThanOrEqual(latestMs)
      }
    }),
    { numRuns: 2000 },
  )
})

test('simulate(): a camera that asks for twice what there is has its newest frames answered, none of them old', async () => {
  const camera = { name: 'default', priority: 0, weight: 1, keep: 'newest' } as const
  const requests = await simulate(world({ workers: [], streams: [camera], arrivals: every(50, 200) }))
  const answered = requests.filter(({ outcome }) => outcome?.kind === 'answered')
  // Ten a second of twenty, and a tenth of that for the room that is left.
  expect(answered.length).toBeGreaterThan(85)
  // The door is four times what the edge takes: 400 ms, where a queue of all would have grown to five seconds.
  expect(Math.max(...answered.map(({ trace }) => trace.measured.totalMs))).toBeLessThan(400)
  for (const { outcome } of requests)
    expect(outcome?.kind === 'failed' ? outcome.error : { code: 'shed' }).toMatchObject({ code: 'shed' })
  // To the end: not those that came first.
  expect(requests.slice(-20).filter(({ outcome }) => outcome?.kind === 'answered').length).toBeGreaterThan(7)
})
