import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Intake } from '../../agent/intake.ts'

const mebibyte = 1024 * 1024

test('one that floods takes three quarters, and another is taken on all the same', () => {
  const intake = new Intake({ requests: 64, bytes: 1000 * mebibyte })
  const flood = Array.from({ length: 100 }, () => intake.admit('flood', 1000)).filter(Boolean)
  expect(flood).toHaveLength(48)
  expect(intake.admit('other', 1000)).toBeDefined()
})

test('large inputs are bounded by their bytes long before their number', () => {
  const intake = new Intake({ requests: 64, bytes: 64 * mebibyte })
  const flood = Array.from({ length: 80 }, () => intake.admit('flood', 7.9 * mebibyte)).filter(Boolean)
  expect(flood).toHaveLength(6)
  expect(intake.admit('other', 7.9 * mebibyte)).toBeDefined()
})

test('who has nothing in work is refused only where there is no room', () => {
  const intake = new Intake({ requests: 1, bytes: 10 })
  expect(intake.admit('large', 11)).toBeUndefined()
  const end = intake.admit('first', 10)
  expect(end).toBeDefined()
  expect(intake.admit('second', 0)).toBeUndefined()
  end!()
  end!()
  expect(intake.inWork).toBe(0)
  expect(intake.admit('second', 10)).toBeDefined()
})

test('whatever comes and goes, the limits hold, and what has ended leaves nothing', () => {
  const step = fc.record({ sender: fc.integer({ min: 0, max: 4 }), bytes: fc.nat(40), ends: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const intake = new Intake({ requests: 8, bytes: 100 })
      const held: { bytes: number; end: () => void }[] = []
      for (const { sender, bytes, ends } of steps) {
        if (ends) held.shift()?.end()
        const end = intake.admit(`${sender}`, bytes)
        if (end !== undefined) held.push({ bytes, end })
        expect(intake.inWork).toBe(held.length)
        expect(held.length).toBeLessThanOrEqual(8)
        expect(held.reduce((sum, each) => sum + each.bytes, 0)).toBeLessThanOrEqual(100)
      }
      for (const { end } of held) end()
      expect(intake.admit('anybody', 100)).toBeDefined()
    }),
  )
})
