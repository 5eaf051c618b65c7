import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteBudget } from '../../src/executor/byte-budget.ts'

test('ByteBudget keeps what a plain list of the most recently used would keep', () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    bytes: fc.integer({ min: 1, max: 60 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const budget = new ByteBudget(100)
      let kept: { key: string; bytes: number }[] = []
      for (const { key, bytes } of steps) {
        const old = kept.find((entry) => entry.key === key)
        kept = kept.filter((entry) => entry.key !== key)
        expect(budget.use(key)).toBe(old !== undefined)
        const needed = old === undefined ? bytes : 0
        const evicted: string[] = []
        while (kept.reduce((sum, entry) => sum + entry.bytes, needed) > 100) evicted.push(kept.shift()!.key)
        kept.push(old ?? { key, bytes })
        expect(old === undefined ? budget.add(key, bytes) : []).toEqual(evicted)
        expect(['a', 'b', 'c', 'd', 'e'].filter((name) => budget.has(name))).toEqual(
          kept.map((entry) => entry.key).toSorted(),
        )
      }
    }),
  )
})

test('ByteBudget refuses what does not fit alone', () => {
  expect(() => new ByteBudget(10).add('whole', 11)).toThrow(/size must be at most 10, current value is 11/)
})
