import { beforeEach, expect, test } from 'vitest'
import type { LinkState } from '../../src/bandwidth-probe/link-belief.ts'
import type { PooledWorker } from '../../src/latency-model/worker-belief.ts'
import type { Beliefs } from '../../src/scheduler/beliefs.ts'
import type { StreamPlans } from '../../src/scheduler/mix/common-resources.ts'
import { Mix, type StreamSettings } from '../../src/scheduler/mix/mix.ts'
import { frameOptions, planFrame } from '../../src/scheduler/plan-frame.ts'
import { type PlanSetup, planRequest } from '../../src/scheduler/planner.ts'
import { pooledWorker } from './pooled-worker.ts'
import { toyBeliefs as beliefs, toyLink as link } from './toy-beliefs.ts'
import { toySetup } from './toy-setup.ts'

const camera: StreamSettings = { name: 'camera', priority: 0, weight: 1, keep: 'newest' }
const setup = toySetup()
const bytes = 17_000
let mix: Mix
let plansOf: Map<string, StreamPlans>

beforeEach(() => {
  mix = new Mix([camera])
  plansOf = new Map()
})

function decide(at: Beliefs, changes: Partial<PlanSetup> = {}) {
  mix.observeArrival('camera', at.nowMs)
  return planFrame({ ...setup, ...changes }, at, bytes, mix, 'camera', plansOf)
}

/** Wounds of frames that come evenly, `perS` a second, where everything is as believed and nobody ever waits. */
function woundsOf(perS: number, count: number, fromMs = 0): (string | undefined)[] {
  return Array.from({ length: count }, (_, i) => {
    const decision = decide(beliefs({ nowMs: fromMs + (1000 * i) / perS }))
    return decision.kind === 'plan' ? decision.plan.chosen.point.wound : undefined
  })
}

test('planFrame() gives a request alone the plan that the planner gives it', () => {
  for (const [i, at] of [
    beliefs(),
    beliefs({ link: { kind: 'unknown' } }),
    beliefs({ workers: [] }),
    beliefs({ link: { ...link, uplinkBps: 20e3 } }),
    beliefs({ link: { ...link, uplinkBps: 50e6 } }),
    beliefs({ edge: { ...beliefs().edge, factor: 5 } }),
  ].entries()) {
    const decision = decide({ ...at, nowMs: 5000 * i })
    const { chosen, worker: to } = planRequest(setup, at, bytes)
    expect(decision).toMatchObject({ kind: 'plan', plan: { chosen: { point: chosen.point } } })
    expect(decision.kind === 'plan' && decision.plan.worker?.id).toBe(to?.id)
  }
})

test('planFrame() mixes plans for a stream that no single one can answer, and leaves out what none can', () => {
  const busy = woundsOf(35, 350).slice(100)
  expect(new Set(busy)).toEqual(new Set(['input', 'middle']))
  // 24 in the middle and 14 as they come are what 41 ms of engine and 68 ms of uplink allow.
  const flooded = woundsOf(100, 1000, 10_000).slice(300)
  const answered = flooded.filter((wound) => wound !== undefined).length / 7
  expect(answered).toBeGreaterThan(0.9 * (1000 / 41 + 1000 / 68))
  expect(answered).toBeLessThan(1000 / 41 + 1000 / 68)
})

test('planFrame() sheds what would be too late, unless all is to be kept', () => {
  const late = beliefs({ edge: { ...beliefs().edge, waitMs: 5000 }, link: { kind: 'unknown' } })
  expect(decide(late)).toEqual({ kind: 'shed', reason: 'late' })
  mix = new Mix([{ ...camera, keep: 'all' }])
  expect(decide(late)).toMatchObject({ kind: 'plan', plan: { chosen: { point: { wound: 'local' } } } })
})

test('planFrame() has the edge answer where the input has to be sent and nobody can take it', () => {
  const resting = pooledWorker({ trust: { kind: 'resting', untilMs: 9 } })
  for (const [i, workers] of [[], [resting]].entries()) {
    const decision = decide(beliefs({ nowMs: 5000 * i, workers }), { policy: 'input' })
    expect(decision).toMatchObject({ kind: 'plan', plan: { chosen: { point: { wound: 'local' } } } })
  }
  const sent = decide(beliefs({ nowMs: 10_000 }), { policy: 'input' })
  expect(sent).toMatchObject({ kind: 'plan', plan: { worker: { id: 'w' } } })
})

test('planFrame() has an input that is sent decoded at once where it is alone, under load only where that pays', () => {
  const fast: LinkState = { ...link, uplinkBps: 50e6 }
  const sent = (nowMs: number, fields: Partial<PooledWorker>) =>
    decide(beliefs({ nowMs, link: fast, workers: [pooledWorker(fields)] }))
  expect(sent(0, {})).toMatchObject({
    plan: { chosen: { point: { wound: 'input' } }, conditions: { resume: 'at-once' } },
  })
  const busy = sent(5000, { outstanding: 2 })
  expect(busy).toMatchObject({
    plan: { chosen: { point: { wound: 'input' } }, conditions: { resume: 'when-late' } },
  })
  const { chosen } = (busy as Extract<typeof busy, { kind: 'plan' }>).plan
  expect(chosen.localMs).toBeCloseTo(chosen.lateMs + 100)
})

test('frameOptions() prices insurance by the time until the worker has answered, and does without it as well', () => {
  const { plans } = frameOptions(setup, beliefs(), bytes)
  const of = (name: string) => plans.find((plan) => plan.name === name)!
  const plain = of('middle/uint8')
  const safe = of('middle/uint8 insured')
  expect(plain.use[0]).toBe(41)
  expect(safe.use[0]! - plain.use[0]!).toBeCloseTo(safe.latencyMs - 41, 0)
  expect(safe.latencyMs).toBeLessThanOrEqual(plain.latencyMs)
  expect(
    frameOptions({ ...setup, resume: 'when-late' }, beliefs(), bytes).plans.map(({ name }) => name),
  ).toEqual(['local', 'input/received', 'middle/uint8'])
})

test('frameOptions() counts what others have at a worker, and not what this agent has itself', () => {
  const latency = (fields: Partial<PooledWorker>) =>
    frameOptions(setup, beliefs({ workers: [pooledWorker(fields)] }), bytes).plans.find(
      ({ name }) => name === 'middle/uint8',
    )!.latencyMs
  expect(latency({ queueMs: 30, ownMs: 30 })).toBeCloseTo(latency({}))
  expect(latency({ queueMs: 30, ownMs: 0 })).toBeCloseTo(latency({}) + 30, 0)
})

test('planFrame() keeps to budgets: bytes of a day as an even rate, and a share of the engine', () => {
  const alone = woundsOf(4, 40).slice(20)
  expect(new Set(alone)).toEqual(new Set(['middle']))
  // A frame a second in the middle, of four.
  const perDay = 86_400 * 220
  mix = new Mix([camera])
  const few = Array.from({ length: 80 }, (_, i) => {
    const decision = decide(beliefs({ nowMs: 250 * i }), { budgets: { uplinkBytesPerDay: perDay } })
    return decision.kind === 'plan' ? decision.plan.chosen.point.wound : 'shed'
  }).slice(40)
  expect(few.filter((wound) => wound === 'middle').length).toBeLessThanOrEqual(11)
  expect(few.filter((wound) => wound === 'local').length).toBeGreaterThanOrEqual(29)
  mix = new Mix([camera])
  const spared = Array.from({ length: 80 }, (_, i) => {
    const decision = decide(beliefs({ nowMs: 250 * i }), { budgets: { edgeShare: 0.05 } })
    return decision.kind === 'plan' ? decision.plan.chosen.point.wound : 'shed'
  }).slice(40)
  expect(spared.filter((wound) => wound === 'input').length).toBeGreaterThanOrEqual(20)
})

test('planFrame() tries a doubtful link where nobody waits, and neither behind others nor where its bytes are counted', () => {
  const doubtful = { ...link, uplinkBps: 0.6e6, relativeDeviation: 0.9 }
  const wounds = (changes: Partial<typeof doubtful>, more: Partial<PlanSetup> = {}) =>
    Array.from({ length: 12 }, (_, i) => {
      const at = beliefs({ nowMs: 150 * i, link: { ...doubtful, ...changes } })
      const decision = decide(at, { codecs: new Map([['input', setup.codecs.get('input')!]]), ...more })
      return decision.kind === 'plan' ? decision.plan.chosen.point.wound : undefined
    })
  expect(new Set(wounds({}))).toEqual(new Set(['input']))
  mix = new Mix([camera])
  expect(wounds({ backlogBytes: 17_000 })).toContain('local')
  mix = new Mix([camera])
  expect(wounds({}, { budgets: { uplinkBytesPerDay: 1e6 } })).toContain('local')
})

test('planFrame() tries a slow link whose speed nobody can tell, unless the worker is what makes it slow', () => {
  const slow = { ...link, uplinkBps: 50e3 }
  const codecs = new Map([['input', setup.codecs.get('input')!]])
  let nowMs = 0
  /** @param deviation of the link's speed, relative to it. */
  const wound = (deviation: number, fields: Partial<PooledWorker> = {}) => {
    mix = new Mix([camera])
    const line = { base: 0, byte: ((deviation * 8000) / slow.uplinkBps) ** 2, cross: 0 }
    const workers = [pooledWorker(fields)]
    const decision = decide(beliefs({ nowMs: (nowMs += 5000), link: { ...slow, line }, workers }), { codecs })
    return decision.kind === 'plan' ? decision.plan.chosen.point.wound : undefined
  }
  expect(wound(0)).toBe('local')
  expect(wound(0.39)).toBe('local')
  expect(wound(0.41)).toBe('input')
  expect(wound(0.41, { tailFactor: 1.2, pictureFactor: 1.2, featuresFactor: 1.2 })).toBe('input')
  for (const factor of ['tailFactor', 'pictureFactor', 'featuresFactor'])
    expect(wound(0.41, { [factor]: 1.3 })).toBe('local')
  expect(wound(0.41, { trust: { kind: 'doubted' } })).toBe('local')
  // 11 ms of its own behind 80 are below the 99 of the edge, behind 95 they are not.
  expect(wound(0.41, { queueMs: 80 })).toBe('input')
  expect(wound(0.41, { queueMs: 95 })).toBe('local')
})

const shed = (reason: string) => ({ kind: 'shed', reason })
const planned = (wound: string) => ({ kind: 'plan', plan: { chosen: { point: { wound } } } })

test('planFrame() sheds of a stream that has to be sent what the uplink cannot carry', () => {
  for (const changes of [{ policy: 'input' as const }, { wound: 'input' }]) {
    mix = new Mix([camera])
    const decisions = Array.from({ length: 400 }, (_, i) => decide(beliefs({ nowMs: 10 * i }), changes))
    const wounds = decisions.map((each) =>
      each.kind === 'plan' ? each.plan.chosen.point.wound : each.reason,
    )
    // 68 ms of uplink each, of a hundred a second.
    const answered = wounds.slice(200).filter((wound) => wound === 'input').length / 2
    expect(answered).toBeGreaterThan(0.85 * (1000 / 68.5))
    expect(answered).toBeLessThan(1000 / 68.5)
    expect(new Set(wounds)).toEqual(new Set(['input', 'overload']))
  }
})

test('planFrame() has a worker asked where there is no other way, also over a link that is not known', () => {
  const unknown = beliefs({ link: { kind: 'unknown' } })
  expect(decide(unknown, { policy: 'input' })).toMatchObject(planned('input'))
  expect(decide(unknown, { wound: 'middle' })).toMatchObject(planned('middle'))
})

test('planFrame() sheds what no plan answers in time, and takes no share of the others for it', () => {
  mix = new Mix([{ ...camera, deadlineMs: 30 }])
  expect(decide(beliefs())).toEqual(shed('late'))
  expect(plansOf.size).toBe(0)
  mix = new Mix([{ ...camera, deadlineMs: 60 }])
  expect(decide(beliefs({ nowMs: 5000 }))).toMatchObject(planned('middle'))
  expect([...plansOf.keys()]).toEqual(['camera'])
})

test('planFrame() counts what waits for the link and at the worker that is free first', () => {
  let nowMs = 0
  const sent = (fields: Parameters<typeof beliefs>[0]) => {
    nowMs += 5000
    return decide(beliefs({ nowMs, ...fields }), { policy: 'input' })
  }
  // Sent at once it is answered after 83 ms; four times as long is waited for.
  expect(sent({ link: { ...link, backlogBytes: 50_000 } })).toMatchObject(planned('input'))
  expect(sent({ link: { ...link, backlogBytes: 80_000 } })).toEqual(shed('late'))
  const busy = pooledWorker({ id: 'busy', queueMs: 500, ownMs: 500 })
  expect(sent({ workers: [busy] })).toEqual(shed('late'))
  expect(sent({ workers: [busy, pooledWorker()] })).toMatchObject(planned('input'))
})

test('planFrame() has a head wait behind what others will send, and not an input that is sent now', () => {
  const promised = (nowMs: number, wound: string) =>
    decide(beliefs({ nowMs, promisedBytes: 100_000 }), { wound })
  expect(promised(0, 'middle')).toEqual(shed('late'))
  expect(promised(5000, 'input')).toMatchObject(planned('input'))
})

test('planFrame() tries a doubtful link only where neither the engine nor any worker has something to do', () => {
  const doubtful = { ...link, uplinkBps: 0.6e6, relativeDeviation: 0.9 }
  const codecs = new Map([['input', setup.codecs.get('input')!]])
  const wounds = (fields: Parameters<typeof beliefs>[0]) => {
    mix = new Mix([camera])
    return Array.from({ length: 12 }, (_, i) => {
      const decision = decide(beliefs({ nowMs: 150 * i, link: doubtful, ...fields }), { codecs })
      return decision.kind === 'plan' ? decision.plan.chosen.point.wound : undefined
    })
  }
  expect(wounds({})).not.toContain('local')
  expect(wounds({ edge: { ...beliefs().edge, waitMs: 10 } })).toContain('local')
  expect(wounds({ workers: [pooledWorker(), pooledWorker({ id: 'v', outstanding: 1 })] })).toContain('local')
})

test('planFrame() lets a head go on by itself at once also under load, as its tail waits for whatever is urgent', () => {
  const decision = decide(beliefs({ workers: [pooledWorker({ outstanding: 2 })] }))
  expect(decision).toMatchObject({ ...planned('middle'), plan: { conditions: { resume: 'at-once' } } })
  const { plan } = decision as Extract<typeof decision, { kind: 'plan' }>
  expect(plan.ranked).toEqual([plan.chosen])
})
