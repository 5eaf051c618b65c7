import { expect, test } from 'vitest'
import { arrivalTimes } from '../../../lab/replay/arrivals.ts'
import { policyNames, policyOf } from '../../../lab/replay/policies/choose-policies.ts'
import { publishedCut } from '../../../lab/replay/policies/published.ts'
import { summarise } from '../../../lab/replay/policy-summary.ts'
import { seededRandom } from '../../../lab/replay/random.ts'
import { Replay, type ReplaySetting } from '../../../lab/replay/replay.ts'
import { replayPage } from '../../../lab/replay/replay-page.ts'
import { parseScission } from '../../../lab/replay/scission-file.ts'
import { scissionPair } from '../../../lab/replay/scission-pair.ts'
import { scissionText } from './scission.ts'

function scission(path: string, scale: number) {
  return { path, scale, blocks: parseScission(scissionText(), { path, model: 'toy', scale }) }
}

const pair = scissionPair(scission('edge.csv', 2), scission('cloud.csv', 0.1), {
  model: 'toy',
  featureCodecs: ['uint8'],
})
const localMs = 200
const inputMs = 6
const seconds = 15

function setting(mbps: number, changes: Partial<ReplaySetting> = {}): ReplaySetting {
  const link = { name: `${mbps} Mbps`, capacity: 1e6 * mbps, lengthMs: undefined }
  const times = arrivalTimes('camera', 1.5, 1000 * seconds, seededRandom(1))
  return {
    pair,
    uplink: link,
    downlink: link,
    roundTripMs: 40,
    inputMs,
    pictureMs: 2,
    workers: 1,
    workerWaitMs: 0,
    arrivals: times.map((atMs) => ({ atMs, bytes: 17_000 })),
    keep: 'newest',
    timeLimitMs: 10_000,
    ...changes,
  }
}

async function play(name: string, given: ReplaySetting) {
  const replay = new Replay(given)
  const run = await replay.play(await policyOf(name, replay))
  return summarise(run, given, replay.leastMs(), 1000 * seconds)
}

test('the oracle has no regret on any link: what hindsight says is what the simulator does', async () => {
  for (const mbps of [0, 0.3, 1, 3, 10, 100])
    for (const workerWaitMs of [0, 120]) {
      const { regretMean, regretP95, failed } = await play('oracle', setting(mbps, { workerWaitMs }))
      expect(failed).toBe(0)
      expect(Math.abs(regretMean)).toBeLessThan(0.002)
      expect(regretP95).toBeLessThan(0.002)
    }
})

test('nobody is faster than hindsight, and every request is accounted for', async () => {
  for (const name of policyNames)
    for (const mbps of [0.5, 4]) {
      const given = setting(mbps)
      const { regretMean, answered, shed, failed, plans } = await play(name, given)
      expect(answered + shed + failed).toBe(given.arrivals.length)
      expect(answered === 0 ? 0 : regretMean).toBeGreaterThan(-0.002)
      expect(Object.values(plans).reduce((sum, count) => sum + count, 0)).toBe(given.arrivals.length - shed)
    }
})

test('fixed policies do what their names say', async () => {
  const given = setting(4)
  expect(Object.keys((await play('local', given)).plans)).toEqual(['local'])
  expect(Object.keys((await play('jpeg', given)).plans)).toEqual(['input/received'])
  expect(Object.keys((await play('raw', given)).plans)).toEqual(['input/raw'])
  expect(Object.keys((await play('seed6', given)).plans)).toEqual(['local'])
  expect((await play('local', given)).meanMs).toBeCloseTo(localMs + inputMs, 1)
})

test('the best single plan in hindsight is no worse than any that was tried', async () => {
  for (const mbps of [0.5, 4]) {
    const given = setting(mbps)
    const best = await play('static-best', given)
    for (const name of ['local', 'jpeg', 'raw'])
      expect(best.meanMs).toBeLessThanOrEqual((await play(name, given)).meanMs + 0.1)
  }
})

test('a dead link costs nothing beyond local', async () => {
  const { meanMs, p99Ms, failed, shed } = await play('surgeon', setting(0))
  expect(failed + shed).toBe(0)
  expect(meanMs).toBeLessThanOrEqual(1.02 * (localMs + inputMs))
  expect(p99Ms).toBeLessThanOrEqual(1.02 * (localMs + inputMs))
})

test('replayPage() has a mark for each answer under each policy, and loads nothing', async () => {
  const given = setting(4)
  const replay = new Replay(given)
  const names = ['local', 'surgeon']
  const runs = await Promise.all(names.map(async (name) => replay.play(await policyOf(name, replay))))
  const table = [['policy'], ...names.map((name) => [name])]
  const page = replayPage(replay, runs, { title: 'a < b', said: 'c', table, lengthMs: 1000 * seconds })
  expect(page.match(/finished at the/g)).toHaveLength(2 * given.arrivals.length)
  expect(page).toContain('a &lt; b')
  expect(page).toContain('local')
  expect(page).not.toMatch(/(src|href)=|@import|NaN/)
})

test('publishedCut() sends first what the published graph has cross first', () => {
  const edge = [0, 100, 5, 80]
  const cloud = [0, 4, 12, 3]
  const transfer = [30, 50, 1, 1]
  const heads = [1, 2, 3, 4].map((n) => edge.slice(0, n).reduce((sum, ms) => sum + ms, 0))
  const tails = [1, 2, 3, 4].map((n) => cloud.slice(n).reduce((sum, ms) => sum + ms, 0))
  const parts = heads.map((edgeMs, i) => ({ edgeMs, linkMs: transfer[i]!, workerMs: tails[i]! }))
  // Its input is in the cloud for nothing.
  expect(publishedCut(parts)).toBe(0)
})
