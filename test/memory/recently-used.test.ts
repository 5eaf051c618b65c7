import { expect, test } from 'vitest'
import { RecentlyUsed } from '../../src/memory/recently-used.ts'

test('RecentlyUsed makes each thing once, and anew only what was longest unused when there were too many', () => {
  let made = 0
  const things = new RecentlyUsed(2, () => ({ number: made++ }))
  const [a, b] = [things.of('a'), things.of('b')]
  expect(things.of('a')).toBe(a)
  // B is the one that goes.
  things.of('c')
  expect(things.of('a')).toBe(a)
  expect(things.of('b')).not.toBe(b)
  expect(made).toBe(4)
})
