import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Credits } from '../../../src/scheduler/mix/credits.ts'

const sharesOf = (weights: readonly number[]) => {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return new Map(weights.map((weight, i) => [`p${i}`, weight / sum]))
}

test('each plan has had its share to within one frame, after any number of frames', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 300 }), (given, frames) => {
      const shares = sharesOf(given)
      const credits = new Credits()
      const had = new Map<string, number>()
      for (let frame = 1; frame <= frames; frame++) {
        const first = credits.next(shares)!
        had.set(first, (had.get(first) ?? 0) + 1)
        for (const [name, share] of shares)
          expect(Math.abs((had.get(name) ?? 0) - share * frame)).toBeLessThan(1)
      }
    }),
    { numRuns: 200 },
  )
})

test('frames of a plan come evenly spaced', () => {
  const credits = new Credits()
  const shares = new Map([
    ['often', 0.75],
    ['seldom', 0.25],
  ])
  const order = Array.from({ length: 12 }, () => credits.next(shares)!)
  const seldom = order.flatMap((name, i) => (name === 'seldom' ? [i] : []))
  expect(seldom.slice(1).map((at, i) => at - seldom[i]!)).toEqual([4, 4])
})

test('shares that jump to and fro send no burst and no plan more than a frame beyond what it was due', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 10, maxLength: 200 }), (flips) => {
      const credits = new Credits()
      const due = new Map<string, number>()
      for (const flip of flips) {
        const shares = sharesOf(flip ? [7, 2, 1] : [1, 2, 7])
        for (const [name, share] of shares) due.set(name, (due.get(name) ?? 0) + share)
        const first = credits.next(shares)!
        due.set(first, due.get(first)! - 1)
        for (const value of due.values()) expect(Math.abs(value)).toBeLessThan(1.5)
      }
    }),
  )
})

test('a plan that leaves takes no claim with it', () => {
  const credits = new Credits()
  for (let i = 0; i < 5; i++) credits.next(sharesOf([3, 2]))
  const had = Array.from({ length: 10 }, () =>
    credits.next(
      new Map([
        ['p0', 0.5],
        ['new', 0.5],
      ]),
    ),
  )
  expect(had.filter((name) => name === 'new').length).toBeGreaterThanOrEqual(4)
  expect(had.filter((name) => name === 'new').length).toBeLessThanOrEqual(6)
})

test('a frame that is passed on counts as one that the other was due, up to two in advance', () => {
  const had = (passOn: boolean) => {
    const credits = new Credits()
    const shares = new Map([
      ['plan', 0.8],
      ['shed', 0.2],
    ])
    const names = Array.from({ length: 50 }, (_, i) => {
      const name = credits.next(shares)!
      // Every tenth of the plan's frames cannot be used.
      if (passOn && name === 'plan' && i % 10 === 0) credits.passOn('plan', 'shed')
      return name
    })
    return names.filter((name) => name === 'shed').length
  }
  expect(had(false)).toBe(10)
  expect(had(true)).toBe(5)
  const credits = new Credits()
  const shares = new Map([
    ['plan', 0.99],
    ['shed', 0.01],
  ])
  for (let i = 0; i < 100; i++) if (credits.next(shares) === 'plan') credits.passOn('plan', 'shed')
  // No claim to more frames than it could have had: what was lost meanwhile is lost.
  let claimed = 0
  while (credits.next(shares) === 'plan') claimed++
  expect(claimed).toBeLessThan(400)
})
