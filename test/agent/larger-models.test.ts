import { beforeEach, expect, test } from 'vitest'
import type { EdgeModel } from '../../agent/edge-model.ts'
import { LargerModels } from '../../agent/larger-models.ts'
import type { WorkerSaid } from '../../agent/workers.ts'
import { settled } from '../../lab/replay/virtual-clock.ts'
import { type Deferred, deferred } from '../../src/async/deferred.ts'
import type { ModelCard } from '../../src/codec/model-card.ts'

const [old, young] = ['a'.repeat(32), 'b'.repeat(32)]
let nowMs: number
let workers: WorkerSaid[]
let asked: { worker: string; hash: string; card: Deferred<ModelCard> }[]
let logged: string[]
let larger: LargerModels

const said = (id: string, ...hashes: readonly string[]): WorkerSaid => ({
  id,
  version: undefined,
  models: hashes.map((hash) => ({ name: 'large', hash })),
  isOurs: false,
})
const cardOf = (hash: string) => ({ model: { hash } }) as ModelCard

beforeEach(() => {
  nowMs = 0
  workers = []
  asked = []
  logged = []
  larger = new LargerModels({
    workers: () => workers,
    askCard: (worker, hash) => {
      const card = deferred<ModelCard>()
      asked.push({ worker, hash, card })
      return card.promise
    },
    start: async ({ model: { hash } }) => ({ hash }) as EdgeModel,
    now: () => nowMs,
    log: (_, message) => logged.push(message),
  })
})

test('LargerModels: a model is unknown until a worker has told of it, which is asked once', async () => {
  expect(larger.get('large')).toBeUndefined()
  expect(asked).toEqual([])
  workers = [said('w1', old), said('w2', old)]
  expect(larger.get('large')).toBeUndefined()
  expect(larger.get('large')).toBeUndefined()
  expect(asked).toMatchObject([{ worker: 'w1', hash: old }])
  asked[0]!.card.resolve(cardOf(old))
  await settled()
  expect(larger.get('large')).toMatchObject({ hash: old })
  expect(larger.get('larger')).toBeUndefined()
  expect(larger.known).toHaveLength(1)
  workers = [said('w2', old)]
  expect(larger.get('large')).toMatchObject({ hash: old })
  workers = []
  expect(larger.get('large')).toBeUndefined()
  expect(asked).toHaveLength(1)
})

test('LargerModels: another model of that name takes its place once nobody has the old one', async () => {
  workers = [said('w1', old)]
  larger.get('large')
  asked[0]!.card.resolve(cardOf(old))
  await settled()
  workers = [said('w2', young), said('w1', old)]
  expect(larger.get('large')).toMatchObject({ hash: old })
  expect(larger.get(young)).toBeUndefined()
  expect(asked[1]).toMatchObject({ worker: 'w2', hash: young })
  workers = [said('w2', young)]
  expect(larger.get('large')).toBeUndefined()
  asked[1]!.card.resolve(cardOf(young))
  await settled()
  expect(larger.get('large')).toMatchObject({ hash: young })
})

test('LargerModels: one wanted by name and by hash is started once, and again where that failed', async () => {
  workers = [said('w1', old)]
  const wanted = () => [larger.get('large'), larger.get(old)]
  expect(wanted()).toEqual([undefined, undefined])
  expect(asked).toHaveLength(1)
  asked[0]!.card.reject(new Error('bad-frame'))
  await settled()
  nowMs = 30_000
  expect(wanted()).toEqual([undefined, undefined])
  expect(asked).toHaveLength(2)
  asked[1]!.card.resolve(cardOf(old))
  await settled()
  const [byName, byHash] = wanted()
  expect(byName).toMatchObject({ hash: old })
  expect(byHash).toBe(byName)
  expect(larger.known).toEqual([byName])
})

test('LargerModels: a worker that cannot tell is asked again after half a minute', async () => {
  workers = [said('w1', old)]
  larger.get('large')
  asked[0]!.card.reject(new Error('bad-frame'))
  await settled()
  expect(logged).toEqual(['a larger model cannot be asked'])
  larger.get('large')
  nowMs = 29_999
  larger.get('large')
  expect(asked).toHaveLength(1)
  nowMs = 30_000
  larger.get('large')
  expect(asked).toHaveLength(2)
})
