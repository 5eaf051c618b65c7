import { beforeEach, expect, test } from 'vitest'
import { Workers } from '../../agent/workers.ts'

const hash = 'a'.repeat(32)
let nowMs = 0
let gone: string[]
let logged: string[]
let workers: Workers

beforeEach(() => {
  nowMs = 0
  gone = []
  logged = []
  workers = new Workers({
    topicPrefix: 'surgeon',
    modelHash: hash,
    wounds: new Set(['input', 'middle']),
    now: () => nowMs,
    log: (_, message) => logged.push(message),
    onGone: (worker) => gone.push(worker),
  })
})

const model = { name: 'm', hash, wounds: [{ id: 'middle', tailMs: 5 }], pictureMs: 1, queueMs: 7 }

function announce(worker: string, announcement: unknown): void {
  const text = typeof announcement === 'string' ? announcement : JSON.stringify(announcement)
  workers.onAnnouncement({
    topic: `surgeon/worker/${worker}/state`,
    payload: Buffer.from(text),
    retain: true,
  })
}

const ids = () => workers.snapshot().map(({ id }) => id)

test('Workers are those that announce this model, at the wounds that there are', () => {
  const odd = { ...model, wounds: [...model.wounds, { id: 'elsewhere', tailMs: 1 }] }
  announce('a', { models: [odd] })
  announce('other', { models: [{ ...model, hash: 'b' }] })
  expect(workers.snapshot()).toMatchObject([{ id: 'a', pictureMs: 1, queueMs: 7 }])
  expect([...workers.snapshot()[0]!.tailMs]).toEqual([['middle', 5]])
})

test('Workers: a worker leaves by an empty message, by another model, by nonsense, and by not renewing', () => {
  for (const [i, last] of ['', { models: [] }, '{"models":5}', 'no JSON'].entries()) {
    announce(`w${i}`, { models: [model] })
    announce(`w${i}`, last)
  }
  announce('silent', { models: [model] })
  nowMs = 34_000
  expect(ids()).toEqual(['silent'])
  nowMs = 36_000
  expect(ids()).toEqual([])
  expect(gone).toEqual(['w0', 'w1', 'w2', 'w3', 'silent'])
  announce('silent', { models: [model] })
  expect(ids()).toEqual(['silent'])
})

test('Workers: the topic says who it is, whatever the message claims', () => {
  announce('evil', { worker: 'good', models: [model] })
  expect(ids()).toEqual(['evil'])
  workers.onAnnouncement({ topic: 'surgeon/worker/a/b/state', payload: Buffer.from('{}'), retain: true })
  expect(ids()).toEqual(['evil'])
})

test('Workers: what no worker is, has or takes is not believed, and no more are considered than can be', () => {
  announce('huge', { models: [model], leftOut: [{ model: 'x', reason: 'y'.repeat(300_000) }] })
  announce('negative', { models: [{ ...model, queueMs: -1 }] })
  announce('eternal', { models: [{ ...model, queueMs: 1e300 }] })
  announce('many', { models: Array.from({ length: 100 }, () => model) })
  expect(ids()).toEqual([])
  for (let i = 0; i < 100; i++) announce(`w${i}`, { models: [model] })
  expect(ids().length).toBe(64)
  expect(logged).toContain('a worker is not considered')
})

test('Workers: what was learned of a worker outlives what it announces anew', () => {
  announce('a', { models: [model] })
  const belief = workers.belief('a')!
  for (const id of ['1', '2']) belief.failed(id, 0)
  announce('a', { models: [{ ...model, queueMs: 0 }] })
  expect(workers.snapshot()[0]).toMatchObject({ queueMs: 0, trust: { kind: 'resting' } })
})

test('Workers tells once of a worker with other models, and knows it until it is gone', () => {
  announce('other', { models: [{ ...model, hash: 'b' }], version: '1.2.3' })
  announce('other', { models: [{ ...model, hash: 'b' }], version: '1.2.3' })
  announce('ours', { models: [model] })
  expect(logged).toEqual(['a worker does not serve this model', 'a worker joined'])
  expect(workers.all).toEqual([
    { id: 'other', version: '1.2.3', models: [{ name: 'm', hash: 'b' }], isOurs: false },
    { id: 'ours', version: undefined, models: [{ name: 'm', hash }], isOurs: true },
  ])
  announce('other', '')
  nowMs = 60_000
  expect(workers.all).toEqual([])
})
