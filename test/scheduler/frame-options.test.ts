import { expect, test } from 'vitest'
import { frameOptions } from '../../src/scheduler/plan-frame.ts'
import { pooledWorker } from './pooled-worker.ts'
import { toyBeliefs, toyLink } from './toy-beliefs.ts'
import { toySetup } from './toy-setup.ts'

const setup = toySetup()
const bytes = 17_000

test('frameOptions() has each wound with and without insurance, and the local plan as nobody’s', () => {
  const { plans, ways } = frameOptions(setup, toyBeliefs(), bytes)
  expect(plans.map(({ name }) => name)).toEqual([
    'local',
    'input/received',
    'input/received insured',
    'middle/uint8',
    'middle/uint8 insured',
  ])
  expect(ways.get('local')).toMatchObject([{ worker: undefined }])
  const { plans: alone } = frameOptions(setup, toyBeliefs({ link: { kind: 'unknown' } }), bytes)
  expect(alone.map(({ name }) => name)).toEqual(['local'])
})

test('frameOptions() has what has to be sent without insurance, and no local plan', () => {
  const names = (changes: Partial<typeof setup>) =>
    frameOptions({ ...setup, ...changes }, toyBeliefs(), bytes).plans.map(({ name }) => name)
  expect(names({ policy: 'input' })).toEqual(['input/received'])
  expect(names({ wound: 'middle' })).toEqual(['middle/uint8'])
  // Twelve hundred bits of pixels are there long before the file of 17 kB.
  const input = [
    { codec: 'received', bytes: undefined },
    { codec: 'raw', bytes: undefined },
  ]
  const { plans, localMs } = frameOptions(
    { ...setup, policy: 'input', codecs: new Map([['input', input]]) },
    toyBeliefs(),
    bytes,
  )
  const latencies = new Map(plans.map(({ name, latencyMs }) => [name, latencyMs]))
  expect(latencies.get('input/received')! - latencies.get('input/raw')!).toBeGreaterThan(60)
  expect(localMs).toBe(latencies.get('input/raw'))
})

test('frameOptions() makes a split prove that it is worth it, where there are splits', () => {
  const local = (policy: 'surgeon' | 'local') =>
    frameOptions({ ...setup, policy }, toyBeliefs(), bytes).plans[0]
  expect(local('surgeon')).toEqual({ name: 'local', latencyMs: 99, use: [100, 0, 0] })
  expect(local('local')).toEqual({ name: 'local', latencyMs: 100, use: [100, 0, 0] })
})

test.each(['at-once', 'when-late'] as const)(
  'frameOptions() prices a plan by the worker that answers first, whatever waits on this agent’s behalf: %s',
  (resume) => {
    const priced = (fields: Parameters<typeof toyBeliefs>[0]) =>
      frameOptions({ ...setup, resume }, toyBeliefs(fields), bytes).plans
    const slow = pooledWorker({ id: 'slow', tailFactor: 3 })
    const [alone, slower] = [priced({}), priced({ workers: [slow] })]
    expect(slower.at(-1)!.latencyMs).toBeGreaterThan(alone.at(-1)!.latencyMs + 5)
    expect(priced({ workers: [slow, pooledWorker()] })).toEqual(alone)
    expect(priced({ workers: [pooledWorker(), slow] })).toEqual(alone)
    expect(priced({ link: { ...toyLink, backlogBytes: 50_000 } })).toEqual(alone)
  },
)

test('frameOptions() has one server for each worker, and leaves of the uplink as much free as its rate is uncertain', () => {
  const resources = (fields: Parameters<typeof toyBeliefs>[0]) =>
    frameOptions(setup, toyBeliefs(fields), bytes).resources
  const three = resources({ workers: ['u', 'v', 'w'].map((id) => pooledWorker({ id })) })
  expect(three.map(({ name, perS }) => [name, perS])).toEqual([
    ['edge', 1000],
    ['uplink', 1000],
    ['workers', 3000],
  ])
  expect(three[2]!.queue!.servers).toBe(3)
  const none = resources({ workers: [], link: { kind: 'unknown' } })
  expect(none[2]).toMatchObject({ perS: 1000, queue: { servers: 1 } })
  expect(none[1]!.maxUtilisation).toBe(0.97)
  expect(resources({})[1]!.maxUtilisation).toBeCloseTo(0.92)
  expect(resources({ link: { ...toyLink, rateDeviation: 0.2 } })[1]!.maxUtilisation).toBeCloseTo(0.77)
})
