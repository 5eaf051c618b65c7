import fc from 'fast-check'
import { expect, test } from 'vitest'
import { simulate } from '../../lab/replay/simulate.ts'
import { fastestWhole, type Profile } from '../../src/latency-model/profile.ts'
import { choosePlan } from '../../src/scheduler/choose-plan.ts'
import { explainPlan } from '../../src/scheduler/explain-plan.ts'
import { frameOptions } from '../../src/scheduler/plan-frame.ts'
import { localPoint } from '../../src/scheduler/plan-point.ts'
import { type PlanSetup, planRequest } from '../../src/scheduler/planner.ts'
import { pooledWorker } from './pooled-worker.ts'
import { toyBeliefs, toyLink } from './toy-beliefs.ts'
import { toySetup } from './toy-setup.ts'

const exact = toySetup()
const bytes = 17_000

/** The toy model, whose segments take 40 and 60 ms in float32, with times in int8. */
function setupWith(int8Ms: readonly number[]): PlanSetup {
  const { profile } = exact
  const int8: Profile['segments'] = int8Ms.map((medianMs, i) => ({ ...profile.segments[i]!, medianMs }))
  return { ...exact, profile: { ...profile, int8 } }
}

const faster = setupWith([25, 35])

test('fastestWhole() is int8 only where that was measured, could be used and is faster', () => {
  expect(fastestWhole(exact.profile)).toEqual({ precision: 'float32', ms: 100 })
  expect(fastestWhole(faster.profile)).toEqual({ precision: 'int8', ms: 60 })
  for (const int8Ms of [[], [50, 50], [60, 70]])
    expect(fastestWhole(setupWith(int8Ms).profile)).toEqual({ precision: 'float32', ms: 100 })
  const both = { ...faster.profile, fp16: exact.profile.segments.map((each) => ({ ...each, medianMs: 20 })) }
  expect(fastestWhole(both)).toEqual({ precision: 'fp16', ms: 40 })
})

test('planRequest() computes whole models in int8 where that is faster, alone and as insurance; heads stay exact', () => {
  const alone = planRequest(faster, toyBeliefs({ workers: [] }), bytes)
  expect(alone.chosen).toMatchObject({
    point: { wound: 'local', codec: 'int8', precision: 'int8' },
    localMs: 60,
  })
  const link = { ...toyLink, uplinkBps: 200e6 }
  const sent = planRequest(faster, toyBeliefs({ link }), bytes)
  expect(sent.chosen).toMatchObject({ point: { wound: 'input', precision: 'int8' }, localMs: 60 })
  const middle = sent.ranked.find(({ point }) => point.wound === 'middle')
  expect(middle).toMatchObject({ localMs: 101 })
  expect(middle!.point.precision ?? 'float32').toBe('float32')
})

test('planRequest() expects no answer later for int8 being there, whatever times, link and worker are', () => {
  const ms = fc.double({ min: 0.1, max: 300, noNaN: true })
  fc.assert(
    fc.property(
      ms,
      ms,
      ms,
      fc.double({ min: 1e4, max: 1e9, noNaN: true }),
      (first, second, tail, uplinkBps) => {
        const workers = [
          pooledWorker({
            tailMs: new Map([
              ['input', 2 * tail],
              ['middle', tail],
            ]),
          }),
        ]
        const beliefs = toyBeliefs({ link: { ...toyLink, uplinkBps }, workers })
        const with8 = setupWith([first, second])
        const [before, after] = [planRequest(exact, beliefs, bytes), planRequest(with8, beliefs, bytes)]
        const [was, is] = [before.chosen, after.chosen]
        // A split that saves less than a hundredth is left for the local plan.
        expect(is.expectedMs).toBeLessThanOrEqual(was.expectedMs * (1 + 0.011))
        const { precision, ms: wholeMs } = fastestWhole(with8.profile)
        for (const { point } of after.ranked) {
          const whole = point.wound === 'middle' ? 'float32' : precision
          expect(point.precision ?? 'float32').toBe(whole)
          expect(point.headMs + point.localTailMs).toBeCloseTo(point.wound === 'middle' ? 100 : wholeMs, 9)
        }
      },
    ),
  )
})

test('frameOptions() and explainPlan() name the precision', () => {
  const names = frameOptions(faster, toyBeliefs(), bytes).plans.map(({ name }) => name)
  expect(names).toContain('local/int8')
  expect(names).not.toContain('local')
  const { conditions } = planRequest(faster, toyBeliefs(), bytes)
  const input = {
    ...planRequest(faster, toyBeliefs(), bytes).ranked.find(({ point }) => point.wound === 'input')!.point,
  }
  const [chosen, next] = explainPlan(choosePlan([localPoint(3, 0, 'int8'), input], conditions), [])
  expect(chosen).toMatch(/^local\/int8 is expected to answer in 3\.0 ms on the edge alone/)
  expect(next).toContain('finished locally in int8')
})

test('simulate(): an edge whose calibration allows int8 answers in its time, by itself and where no worker does', async () => {
  const steady = [{ fromMs: 0, capacity: 8e6, oneWayDelayMs: 5 }]
  const world = {
    setup: faster,
    uplink: steady,
    downlink: steady,
    edgeFactorAt: () => 1,
    inputMs: 4,
    arrivals: Array.from({ length: 12 }, (_, i) => ({ atMs: 400 * i, bytes: 10_000 })),
    timeLimitMs: 20_000,
  }
  const alone = await simulate({ ...world, workers: [] })
  for (const { trace, outcome } of alone.slice(1)) {
    expect(outcome).toEqual({ kind: 'answered', finishedAt: 'edge' })
    expect(trace.plan!.chosen.point.codec).toBe('int8')
    expect(trace.measured).toMatchObject({ headMs: 60, totalMs: 64 })
  }
  const tailMs = new Map([
    ['input', 10],
    ['middle', 5],
  ])
  const mute = { id: 'mute', tailMs, pictureMs: 2, factorAt: () => 1, stateAt: () => 'silent' as const }
  const insured = (await simulate({ ...world, workers: [mute] })).filter(
    ({ trace }) => trace.plan?.chosen.point.wound === 'input',
  )
  expect(insured.length).toBeGreaterThan(0)
  for (const { trace, outcome } of insured) {
    expect(outcome).toEqual({ kind: 'answered', finishedAt: 'edge' })
    expect(trace.measured.localTailMs).toBe(60)
  }
})
