import { expect, test } from 'vitest'
import {
  LinkBelief,
  type LinkState,
  mostUplinkBps,
  unlessGuess,
} from '../../src/bandwidth-probe/link-belief.ts'
import { toyLink as link } from '../scheduler/toy-beliefs.ts'

test('mostUplinkBps() is the speed times one standard deviation of its logarithm, where there is one', () => {
  expect(mostUplinkBps(undefined)).toBeUndefined()
  expect(mostUplinkBps({ kind: 'unknown' })).toBeUndefined()
  expect(mostUplinkBps(link)).toBe(2e6)
  // A byte takes 4 microseconds, give or take as much: ln(1 + 1) is the variance of the logarithm.
  const line = { base: 0, cross: 0, byte: (8 / 2e3) ** 2 }
  expect(mostUplinkBps({ ...link, line })).toBeCloseTo(2e6 * Math.exp(Math.sqrt(Math.LN2)), 0)
})

test('unlessGuess() tells nobody of what was not measured', () => {
  expect(unlessGuess(undefined)).toBeUndefined()
  expect(unlessGuess(link)).toBe(link)
  expect(unlessGuess({ ...link, isGuess: false })).toMatchObject({ isGuess: false })
  expect(unlessGuess({ ...link, isGuess: true })).toBeUndefined()
})

test('LinkBelief learns nothing of what nobody can have measured', () => {
  const idle = { bytes: 0, oldestSentAtMs: undefined }
  const states = (wrong: readonly (readonly [number, number])[]): LinkState[] => {
    const belief = new LinkBelief({ staleMs: 1000, probeBytes: 2048 })
    belief.connected(0)
    for (const [bytes, ms] of wrong) belief.acknowledged(bytes, ms, 10)
    const before = belief.snapshot(10, idle)
    for (const bytes of [500, 20_000]) belief.acknowledged(bytes, 20 + bytes / 1000, 100 + bytes / 100)
    return [before, belief.snapshot(400, idle)]
  }
  const untaught = states([])
  expect(untaught[0]).toEqual({ kind: 'unknown' })
  for (const [bytes, ms] of [
    [0, 5],
    [-1, 5],
    [1000, -1],
    [Number.NaN, 5],
    [1000, Number.NaN],
    [Number.POSITIVE_INFINITY, 5],
    [1000, Number.POSITIVE_INFINITY],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ] as const)
    expect(states([[bytes, ms]])).toEqual(untaught)
  expect(states([[1000, 0]])).not.toEqual(untaught)
})
