import { expect, test } from 'vitest'
import { ReleaseStack } from '../../src/async/release-stack.ts'

test('ReleaseStack releases in the opposite order, each awaited before the next, and only once', async () => {
  const stack = new ReleaseStack()
  const seen: string[] = []
  stack.add(() => seen.push('first'))
  stack.add(async () => {
    await Promise.resolve()
    seen.push('second')
  })
  await stack.releaseAll()
  await stack.releaseAll()
  expect(seen).toEqual(['second', 'first'])
})

test('ReleaseStack: one that throws does not keep the others, and is reported', async () => {
  const stack = new ReleaseStack()
  const seen: string[] = []
  stack.add(() => seen.push('first'))
  stack.add(() => Promise.reject(new Error('no')))
  stack.add(() => {
    throw new Error('neither')
  })
  await expect(stack.releaseAll()).rejects.toThrow('Cannot release everything: neither; no')
  expect(seen).toEqual(['first'])
})
