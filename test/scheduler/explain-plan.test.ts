import { expect, test } from 'vitest'
import { type Conditions, choosePlan, noBackend } from '../../src/scheduler/choose-plan.ts'
import { explainPlan, findFlips } from '../../src/scheduler/explain-plan.ts'
import { localPoint } from '../../src/scheduler/plan-point.ts'
import { middlePoint as middle } from './toy-point.ts'

const link = { uplinkBps: 3e6, downlinkBps: 8e6, roundTripMs: 10, backlogBytes: 0, relativeDeviation: 0 }
const calm: Conditions = { ...noBackend, edgeFactor: 1, edgeWaitMs: 0, resume: 'at-once', link }
const input = {
  ...middle,
  wound: 'input',
  codec: 'received',
  headMs: 0,
  encodeMs: 0,
  bytes: 30_000,
  localTailMs: 100,
}
const points = [middle, input, localPoint(100)]

const at = (uplinkBps: number): Conditions => ({ ...calm, link: { ...link, uplinkBps } })
const woundAt = (uplinkBps: number) => choosePlan(points, at(uplinkBps)).chosen.point.wound

test('findFlips() tells the next slower and the next faster link that change the choice, to half a percent', () => {
  for (const uplinkBps of [0.3e6, 3e6, 5e6, 30e6]) {
    const here = woundAt(uplinkBps)
    const flips = findFlips(points, at(uplinkBps))
    for (const flip of flips) {
      expect(flip.wound).not.toBe(here)
      expect(woundAt(flip.uplinkBps)).toBe(flip.wound)
      // A little nearer, and everything between, it is as it is here.
      const towards = Math.log(uplinkBps / flip.uplinkBps)
      for (const part of [0.0051 / Math.abs(towards), 0.1, 0.3, 0.6, 0.9])
        expect(woundAt(flip.uplinkBps * Math.exp(part * towards))).toBe(here)
    }
  }
})

test('findFlips() begins with the slower one, and tells none where the choice stays to the end', () => {
  // The head ends at 42 ms and the input is there after 10 + 8 ms and its transfer: level at 30 kB in about 37 ms.
  expect(woundAt(3e6)).toBe('middle')
  const [slower, faster] = findFlips(points, at(3e6))
  expect(slower).toMatchObject({ wound: 'local', codec: 'none' })
  expect(slower!.uplinkBps).toBeLessThan(3e6)
  expect(faster).toMatchObject({ wound: 'input', codec: 'received' })
  expect(faster!.uplinkBps).toBeGreaterThan(3e6)
  // Faster links leave it at the input, slower ones at the local plan.
  expect(findFlips(points, at(1e9)).map(({ wound }) => wound)).toEqual(['middle'])
  expect(findFlips(points, at(1e5)).map(({ wound }) => wound)).toEqual(['middle'])
  expect(findFlips([localPoint(100)], calm)).toEqual([])
})

test('findFlips() looks at links from a kilobit to ten gigabits a second', () => {
  // Beside a round trip and the worker 85 ms are left for the bytes.
  const flipsOf = (bytes: number) => {
    const sent = { ...middle, headMs: 0, encodeMs: 0, localTailMs: 100, bytes, resultBytes: 0 }
    return findFlips([sent, localPoint(100)], calm).map(({ uplinkBps }) => Math.round(uplinkBps / 100))
  }
  expect(flipsOf(12)).toEqual([11])
  expect(flipsOf(6)).toEqual([])
  expect(flipsOf(90e6)).toEqual([expect.closeTo(8.47e7, -6)])
  expect(flipsOf(110e6)).toEqual([])
})

test('findFlips() has nothing to vary where no link is known', () => {
  expect(findFlips(points, { ...calm, link: undefined })).toEqual([])
})

test('explainPlan() says what is chosen, what comes next and what would take over', () => {
  // 5000 bytes at 4 Mbps are 10 ms, 1000 back at 8 Mbps 1 ms, then a round trip of 10 ms and 4 ms of the worker.
  const conditions = at(4e6)
  const flip = { uplinkBps: 1_234_567, wound: 'local', codec: 'none' }
  expect(explainPlan(choosePlan(points, conditions), [flip])).toEqual([
    'middle/uint8 is expected to answer in 67.0 ms (edge 42.0 ms, answer of the worker 67.0 ms, finished locally 102.0 ms; 5000 bytes).',
    'Next best: input/received in 75.0 ms (edge 0.0 ms, answer of the worker 75.0 ms, finished locally 100.0 ms; 30000 bytes).',
    'At an uplink of 1.23 Mbps local takes over.',
  ])
})

test('explainPlan() says where the edge is alone, with and without another plan', () => {
  const alone = choosePlan([localPoint(100)], calm)
  expect(explainPlan(alone, [])).toEqual(['local is expected to answer in 100.0 ms on the edge alone.'])
  // Hardly faster, which is not worth it: the local plan is chosen, and the other is named though it is first.
  const slow = { ...input, backendTailMs: 67.5 }
  const close = choosePlan([slow, localPoint(100)], at(12e6))
  expect(explainPlan(close, [])[0]).toBe('local is expected to answer in 100.0 ms on the edge alone.')
  expect(explainPlan(close, [])[1]).toMatch(/^Next best: input\/received in 9\d\.\d ms \(edge/)
})
