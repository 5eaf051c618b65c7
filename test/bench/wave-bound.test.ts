import { expect, test } from 'vitest'
import { waveBound } from '../../bench/pool/wave-bound.ts'

test('waveBound() tells every segment alone and shared, and never less than one by one', async () => {
  const { segments, gain } = await waveBound({ model: 'activity' }, 1)
  expect(segments[0]!.wound).toBe('input')
  for (const { aloneMs, sharedMs, together } of segments) {
    expect(sharedMs).toBeGreaterThan(0)
    expect(sharedMs).toBeLessThanOrEqual(aloneMs)
    expect([1, 2, 4, 8, 16]).toContain(together)
  }
  expect(gain).toBeGreaterThanOrEqual(1)
})
