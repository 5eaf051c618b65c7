import { expect, test } from 'vitest'
import { Mix, type MixSnapshot, type StreamSettings } from '../../../src/scheduler/mix/mix.ts'
import type { MixPlan } from '../../../src/scheduler/mix/resource.ts'

const local: MixPlan = { name: 'local', latencyMs: 100, use: [100, 0] }
const jpeg: MixPlan = { name: 'jpeg', latencyMs: 120, use: [0, 70] }
const middle: MixPlan = { name: 'middle', latencyMs: 90, use: [40, 12] }

function snapshot(plans: readonly MixPlan[], streams: readonly string[] = ['a']): MixSnapshot {
  return {
    resources: ['edge', 'uplink'].map((name) => ({
      name,
      perS: 1000,
      maxUtilisation: 0.97,
      queue: { servers: 1, serviceCv2: 0.3 },
    })),
    backlogMs: [0, 0],
    promisedMs: [0, 0],
    plans: new Map(streams.map((name) => [name, plans])),
    localMs: 100,
  }
}

const stream = (name: string, more: Partial<StreamSettings> = {}): StreamSettings => ({
  name,
  priority: 1,
  weight: 1,
  keep: 'newest',
  ...more,
})

/** What becomes of inputs of one stream that come evenly. */
function drive(mix: Mix, given: MixSnapshot, ratePerS: number, seconds: number, fromMs = 0, name = 'a') {
  return Array.from({ length: Math.round(ratePerS * seconds) }, (_, i) => {
    const nowMs = fromMs + (1000 * i) / ratePerS
    mix.observeArrival(name, nowMs)
    const decision = mix.decide(name, nowMs, given)
    return decision.kind === 'plan' ? decision.plan.name : decision.reason
  })
}

const count = (names: readonly string[], name: string) => names.filter((other) => other === name).length

test('a lone input takes the fastest plan', () => {
  expect(drive(new Mix([stream('a')]), snapshot([local, jpeg, middle]), 1, 3)).toEqual([
    'middle',
    'middle',
    'middle',
  ])
})

test('frames follow the rates of the program within a frame, and the rest is shed evenly', () => {
  const mix = new Mix([stream('a')])
  const given = snapshot([local, jpeg, middle])
  drive(mix, given, 50, 5)
  const names = drive(mix, given, 50, 4, 5000)
  const { rates, answeredPerS } = mix.solution!.solution
  for (const [p, { name }] of [local, jpeg, middle].entries())
    expect(Math.abs(count(names, name) - 4 * rates[0]![p]!)).toBeLessThan(2)
  expect(Math.abs(count(names, 'overload') - 4 * (50 - answeredPerS))).toBeLessThan(2)
  const gaps = names
    .flatMap((name, i) => (name === 'overload' ? [i] : []))
    .map((at, i, all) => at - (all[i - 1] ?? at))
  expect(Math.max(...gaps)).toBeLessThanOrEqual(Math.ceil((50 / (50 - answeredPerS)) * 2))
})

test('a plan that is gone is not used once more, one that comes is used at the next input', () => {
  const mix = new Mix([stream('a')])
  drive(mix, snapshot([local, jpeg, middle]), 30, 3)
  // Not when rates are due to be solved anew.
  expect(new Set(drive(mix, snapshot([local]), 30, 1, 2999))).toEqual(new Set(['local', 'overload']))
  expect(drive(mix, snapshot([local, jpeg, middle]), 30, 1, 4005).slice(0, 6)).toContain('middle')
})

test('what would be later than its deadline is not begun', () => {
  const mix = new Mix([stream('a', { deadlineMs: 150 })])
  const given = { ...snapshot([local]), backlogMs: [60, 0] }
  expect(drive(mix, given, 1, 1)).toEqual(['late'])
  expect(drive(mix, { ...given, backlogMs: [40, 0] }, 1, 1, 1000)).toEqual(['local'])
})

test('what waits for the edge and will be sent counts for who is sent behind it, not for who is sent at once', () => {
  const mix = () => new Mix([stream('a', { deadlineMs: 200 })])
  const given = { ...snapshot([middle]), promisedMs: [0, 300] }
  expect(drive(mix(), given, 1, 1)).toEqual(['late'])
  expect(drive(mix(), { ...snapshot([jpeg]), promisedMs: [0, 300] }, 1, 1)).toEqual(['jpeg'])
})

test('a stream that stops gives its share to the other within a second', () => {
  const mix = new Mix([stream('a'), stream('b')])
  const given = snapshot([local], ['a', 'b'])
  const both = Array.from({ length: 60 }, (_, i) => {
    const nowMs = 50 * i
    mix.observeArrival('a', nowMs)
    mix.observeArrival('b', nowMs)
    mix.decide('b', nowMs, given)
    const decision = mix.decide('a', nowMs, given)
    return decision.kind
  })
  expect(count(both.slice(20), 'plan')).toBeLessThanOrEqual(11)
  drive(mix, given, 20, 1, 3000)
  const alone = drive(mix, given, 20, 2, 4000)
  expect(count(alone, 'local')).toBeGreaterThanOrEqual(18)
})

test('the higher priority is answered first', () => {
  const mix = new Mix([stream('a', { priority: 2 }), stream('b')])
  const given = snapshot([local], ['a', 'b'])
  const kinds: string[] = []
  for (let nowMs = 0; nowMs < 4000; nowMs += 125) {
    mix.observeArrival('a', nowMs)
    mix.observeArrival('b', nowMs)
    if (nowMs > 1500) kinds.push(mix.decide('a', nowMs, given).kind)
    mix.decide('b', nowMs, given)
  }
  expect(new Set(kinds)).toEqual(new Set(['plan']))
})

test('a stream that nobody knows is named', () => {
  expect(() => new Mix([stream('a')]).observeArrival('b', 0)).toThrow(
    'stream must be one of a, current value is b',
  )
})

test('a plan that takes the place of another is known by its name, though there are as many', () => {
  const mix = new Mix([stream('a')])
  drive(mix, snapshot([local, middle]), 5, 1)
  expect(drive(mix, snapshot([local, { ...middle, name: 'other' }]), 5, 0.2, 810)).toEqual(['other'])
})

test('rates stay for a tenth of a second while streams and plans are the same', () => {
  const mix = new Mix([stream('a')])
  const given = snapshot([local, middle])
  const solutionAt = (nowMs: number) => {
    mix.observeArrival('a', nowMs)
    mix.decide('a', nowMs, given)
    return mix.solution
  }
  expect(mix.solution).toBeUndefined()
  const first = solutionAt(5000)
  expect(solutionAt(5099)).toBe(first)
  expect(solutionAt(5100)).not.toBe(first)
})

test('a stream that begins has its share at its first input, also of those that the others have no plans for', () => {
  const mix = new Mix([stream('a'), stream('b'), stream('c')])
  const given = snapshot([middle], ['a', 'b'])
  mix.observeArrival('c', 995)
  expect(drive(mix, given, 5, 1)).not.toContain('overload')
  expect(drive(mix, given, 5, 0.2, 810, 'b')).toEqual(['middle'])
  // Its own plans are not known yet.
  expect(drive(mix, { ...given, plans: new Map([...given.plans, ['c', []]]) }, 5, 0.2, 820, 'c')).toEqual([
    'overload',
  ])
})

test('frames go over from one plan to another as the rates do, within some 200 ms', () => {
  const first: MixPlan = { name: 'first', latencyMs: 10, use: [1, 0] }
  const second: MixPlan = { name: 'second', latencyMs: 20, use: [0, 1] }
  const mix = new Mix([stream('a')])
  const perS = 100
  expect(new Set(drive(mix, snapshot([first, second]), perS, 1))).toEqual(new Set(['first']))
  const slower = snapshot([{ ...first, latencyMs: 30 }, second])
  const names = drive(mix, slower, perS, 3, 1000)
  // exp(-1/2) of the ten frames of the first 100 ms, exp(-1) of the next, and so on: 15.4 in all.
  expect(count(names, 'first')).toBeGreaterThanOrEqual(13)
  expect(count(names, 'first')).toBeLessThanOrEqual(18)
  expect(names.slice(-100)).not.toContain('first')
})

test('a stream of which all is kept is never shed because there is too much, only where nothing answers it', () => {
  const mix = new Mix([stream('a', { keep: 'all' })])
  expect(new Set(drive(mix, snapshot([local]), 50, 2))).toEqual(new Set(['local']))
  const none = new Mix([stream('a', { keep: 'all' })])
  expect(new Set(drive(none, snapshot([]), 50, 1))).toEqual(new Set(['overload']))
})

test('of a stream of which all is kept nothing is shed that another way than the planned one answers in time', () => {
  const slow = { ...jpeg, name: 'slow', latencyMs: 30_000 }
  const driven = (keep: 'all' | 'newest', waitMs: number) => {
    const mix = new Mix([stream('a', { keep, deadlineMs: 20_000 })])
    return new Set(drive(mix, { ...snapshot([local, slow]), backlogMs: [waitMs, 0] }, 50, 2))
  }
  expect(driven('all', 0)).toEqual(new Set(['local']))
  expect(driven('all', 20_000)).toEqual(new Set(['late']))
  expect(driven('newest', 0)).toContain('late')
})

test('an answer that is there at the deadline is in time', () => {
  const mix = new Mix([stream('a', { deadlineMs: 100 }), stream('b')])
  expect([mix.deadlineMs('a'), mix.deadlineMs('b')]).toEqual([100, Number.POSITIVE_INFINITY])
  expect(drive(mix, snapshot([local]), 1, 1)).toEqual(['local'])
  expect(drive(mix, { ...snapshot([local]), backlogMs: [1, 0] }, 1, 1, 1000)).toEqual(['late'])
})

test('an input of which nobody was told that it came is shed', () => {
  expect(new Mix([stream('a')]).decide('a', 0, snapshot([local]))).toEqual({
    kind: 'shed',
    reason: 'overload',
  })
})

test('also a stream of which all is kept gives way to a higher priority that takes everything', () => {
  const mix = new Mix([stream('a', { priority: 2 }), stream('b', { keep: 'all' })])
  const given = snapshot([local], ['a', 'b'])
  const reasons: string[] = []
  for (let nowMs = 0; nowMs < 8000; nowMs += 20) {
    if (nowMs >= 2000) mix.observeArrival('a', nowMs)
    if (nowMs % 200 !== 0) continue
    mix.observeArrival('b', nowMs)
    const decision = mix.decide('b', nowMs, given)
    reasons.push(decision.kind === 'plan' ? decision.plan.name : decision.reason)
  }
  expect(new Set(reasons.slice(0, 10))).toEqual(new Set(['local']))
  expect(new Set(reasons.slice(-10))).toEqual(new Set(['overload']))
})

test('of inputs so rare that each finds everything free none is shed, however long one takes', () => {
  const mix = new Mix([{ name: 'rare', priority: 0, weight: 1, keep: 'newest' }])
  const edge = { name: 'edge', perS: 1000, maxUtilisation: 0.97, queue: { servers: 1, serviceCv2: 0.1 } }
  const plans = new Map([['rare', [{ name: 'local', latencyMs: 5000, use: [5000] }]]])
  const snapshot = { resources: [edge], backlogMs: [0], promisedMs: [0], plans, localMs: 5000 }
  const decisions = Array.from({ length: 20 }, (_, i) => {
    mix.observeArrival('rare', 60_000 * i)
    return mix.decide('rare', 60_000 * i, snapshot).kind
  })
  expect(new Set(decisions)).toEqual(new Set(['plan']))
})
