import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Credits } from '../../../src/scheduler/mix/credits.ts'

const sharesOf = (weights: readonly number[]) => {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return new Map(weights.map((weight, i) => [`p${i}`, weight / sum]))
}

/** The most that any plan has had more or less than its share of so many frames. */
function mostOff(shares: ReadonlyMap<string, number>, frames: number): number {
  const credits = new Credits()
  const had = new Map<string, number>()
  let most = 0
  for (let frame = 1; frame <= frames; frame++) {
    const first = credits.next(shares)!
    had.set(first, (had.get(first) ?? 0) + 1)
    for (const [name, share] of shares) most = Math.max(most, Math.abs((had.get(name) ?? 0) - share * frame))
  }
  return most
}

test('each plan has had its share to within what Tijdeman proves, after any number of frames', () => {
  // Of all sizes: a few large ones, many small ones.
  const weight = fc.double({ min: 0, max: 1, noNaN: true }).map((value) => Math.ceil(1000 * value ** 4) + 1)
  fc.assert(
    fc.property(fc.array(weight, { minLength: 2, maxLength: 12 }), (weights) => {
      const bound = 1 - 1 / (2 * weights.length - 2)
      expect(mostOff(sharesOf(weights), 150)).toBeLessThan(bound + 1e-9)
    }),
    { numRuns: 200 },
  )
})

test('each plan has had its share where the largest claim, served first, would leave one with more than a frame', () => {
  expect(mostOff(sharesOf([1, 26, 88, 62, 1, 3, 3, 1]), 150)).toBeLessThan(1 - 1 / 14 + 1e-9)
})

test('who is alone has every frame, and nobody has one where there are no shares', () => {
  const credits = new Credits()
  expect([1, 2, 3].map(() => credits.next(sharesOf([1])))).toEqual(['p0', 'p0', 'p0'])
  expect(credits.next(new Map())).toBeUndefined()
  const order = (of: Credits) => Array.from({ length: 8 }, () => of.next(sharesOf([3, 1])))
  expect(order(credits)).toEqual(order(new Credits()))
})

test('whoever comes and goes or passes a frame on, every frame is somebody’s', () => {
  const step = fc.record({
    members: fc.uniqueArray(fc.nat(4), { minLength: 2 }),
    frames: fc.nat(7),
    isPassedOn: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
      const credits = new Credits()
      for (const { members, frames, isPassedOn } of steps) {
        const shares = new Map(members.map((i) => [`p${i}`, 1 / members.length]))
        const had = Array.from({ length: frames }, () => credits.next(shares))
        expect(had).not.toContain(undefined)
        if (isPassedOn && frames > 0) credits.passOn(had[0]!, `p${members[0]}`)
      }
    }),
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

test('a frame cannot be passed on to who has no share', () => {
  const credits = new Credits()
  const shares = sharesOf([1, 1])
  const usual = Array.from({ length: 6 }, () => credits.next(shares))
  const other = new Credits()
  const passed = usual.map(() => {
    const name = other.next(shares)!
    other.passOn(name, 'nobody')
    return name
  })
  expect(passed).toEqual(usual)
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
  while (claimed < 400 && credits.next(shares) === 'plan') claimed++
  expect(claimed).toBeLessThan(400)
})
