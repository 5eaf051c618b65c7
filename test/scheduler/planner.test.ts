import { expect, test } from 'vitest'
import type { LinkState } from '../../src/bandwidth-probe/link-belief.ts'
import type { PooledWorker, Trust } from '../../src/latency-model/worker-belief.ts'
import type { Beliefs } from '../../src/scheduler/beliefs.ts'
import { planRequest } from '../../src/scheduler/planner.ts'
import { pooledWorker } from './pooled-worker.ts'
import { toySetup } from './toy-setup.ts'

const link: LinkState = {
  kind: 'up',
  uplinkBps: 80e6,
  downlinkBps: 80e6,
  roundTripMs: 2,
  backlogBytes: 0,
  relativeDeviation: 0,
}
const edge = { factor: 1, waitMs: 0, inputMs: 0, inputs: new Map() }

const worker = (id: string, fields: Partial<PooledWorker> = {}) => pooledWorker({ id, ...fields })

const setup = toySetup()
const plan = (workers: readonly PooledWorker[], fields: Partial<Beliefs> = {}, changes: object = {}) =>
  planRequest({ ...setup, ...changes }, { nowMs: 0, link, edge, workers, promisedBytes: 0, ...fields }, 1000)
const chosenOf = (workers: readonly PooledWorker[], fields: Partial<Beliefs> = {}) =>
  plan(workers, fields).worker?.id

test('planRequest() sends to a worker that is worth it, and stays local without link or workers', () => {
  expect(plan([worker('a')])).toMatchObject({ worker: { id: 'a' }, chosen: { point: { wound: 'input' } } })
  for (const alone of [
    plan([]),
    plan([worker('a')], { link: { kind: 'unknown' } }),
    plan([worker('a')], { link: { kind: 'down', reason: '', sinceMs: 0 } }),
    plan([worker('a')], {}, { policy: 'local' }),
    plan([worker('a', { queueMs: 10_000 })]),
  ]) {
    expect(alone.worker).toBeUndefined()
    expect(alone.chosen).toMatchObject({ point: { wound: 'local' }, expectedMs: 100 })
  }
})

test('planRequest() believes how slow a worker has become, and how long it makes others wait', () => {
  expect(chosenOf([worker('slow', { tailFactor: 5 }), worker('fast')])).toBe('fast')
  expect(chosenOf([worker('busy', { queueMs: 30 }), worker('free')])).toBe('free')
  expect(chosenOf([worker('pictures', { pictureFactor: 20 }), worker('other', { tailFactor: 1.5 })])).toBe(
    'other',
  )
})

test('planRequest() counts what the edge has to do first, and how slow it is', () => {
  const slowLink = { ...link, uplinkBps: 20e3 }
  expect(plan([worker('a')], { link: slowLink }).worker).toBeUndefined()
  const busy = plan([worker('a')], { link: slowLink, edge: { ...edge, waitMs: 500 } })
  expect(busy).toMatchObject({ worker: { id: 'a' }, chosen: { point: { wound: 'input' }, localMs: 600 } })
  const hot = plan([worker('a')], { link: slowLink, edge: { ...edge, factor: 4 } })
  expect(hot).toMatchObject({ worker: { id: 'a' }, chosen: { point: { wound: 'middle' }, localMs: 404 } })
})

test('planRequest(): equal workers take turns, by what they have of this agent and then by whose turn it is', () => {
  expect(chosenOf([worker('a', { outstanding: 1 }), worker('b')])).toBe('b')
  expect(chosenOf([worker('a', { lastSentAtMs: 9 }), worker('b', { lastSentAtMs: 3 })])).toBe('b')
  const seen = new Map<string, number>()
  const state = ['a', 'b', 'c'].map((id) => ({ id, outstanding: 0, lastSentAtMs: -1 }))
  for (let i = 0; i < 30; i++) {
    const id = chosenOf(state.map((each) => worker(each.id, each)))!
    seen.set(id, (seen.get(id) ?? 0) + 1)
    const chosen = state.find((each) => each.id === id)!
    chosen.outstanding++
    chosen.lastSentAtMs = i
  }
  expect(Object.fromEntries(seen)).toEqual({ a: 10, b: 10, c: 10 })
})

test('planRequest() leaves a resting worker out, tries one on trial once, and prefers the trusted among equals', () => {
  const trust = (kind: Trust['kind']): Trust => (kind === 'resting' ? { kind, untilMs: 9 } : { kind })
  expect(chosenOf([worker('a', { trust: trust('resting') })])).toBeUndefined()
  expect(chosenOf([worker('a', { trust: trust('on-trial') })])).toBe('a')
  expect(chosenOf([worker('a', { trust: trust('on-trial'), outstanding: 1 })])).toBeUndefined()
  expect(chosenOf([worker('a', { trust: trust('doubted') }), worker('b')])).toBe('b')
  expect(chosenOf([worker('a', { trust: trust('doubted') }), worker('b', { queueMs: 60 })])).toBe('a')
})

test('planRequest() ignores what was announced of wounds that there are not, and workers without any', () => {
  const odd = worker('odd', { tailMs: new Map([['elsewhere', 0]]) })
  expect(chosenOf([odd])).toBeUndefined()
  expect(chosenOf([worker('none', { tailMs: new Map() })])).toBeUndefined()
})

test('planRequest() with a fixed wound or policy input cuts nowhere else, and does not ask whether it pays', () => {
  const fixed = plan([worker('a')], { link: { ...link, uplinkBps: 1e4 } }, { wound: 'middle' })
  expect(fixed).toMatchObject({ worker: { id: 'a' }, chosen: { point: { wound: 'middle' } } })
  const input = plan([worker('a')], { link: { ...link, uplinkBps: 1e4 } }, { policy: 'input' })
  expect(input).toMatchObject({ worker: { id: 'a' }, chosen: { point: { wound: 'input' } } })
  const unable = plan([worker('a')], {}, { policy: 'input', codecs: new Map() })
  expect(unable.worker).toBeUndefined()
})
