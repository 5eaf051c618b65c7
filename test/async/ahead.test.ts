import { expect, test } from 'vitest'
import { ahead } from '../../src/async/ahead.ts'
import { deferred } from '../../src/async/deferred.ts'

test('ahead() gives what was made in the order of the items, so many at work at a time', async () => {
  const waiting = [deferred<string>(), deferred<string>(), deferred<string>(), deferred<string>()]
  const begun: number[] = []
  const made = ahead([0, 1, 2, 3], 2, (item) => {
    begun.push(item)
    return waiting[item]!.promise
  })
  waiting[1]!.resolve('b')
  const first = made.next()
  expect(begun).toEqual([0, 1, 2])
  waiting[0]!.resolve('a')
  expect((await first).value).toBe('a')
  expect((await made.next()).value).toBe('b')
  expect(begun).toEqual([0, 1, 2, 3])
  waiting[3]!.resolve('d')
  waiting[2]!.resolve('c')
  expect((await made.next()).value).toBe('c')
  expect((await made.next()).value).toBe('d')
  expect((await made.next()).done).toBe(true)
})

test('ahead() fails in the turn of what failed', async () => {
  const made = ahead([0, 1], 1, (item) =>
    item === 0 ? Promise.resolve('a') : Promise.reject(new Error('no second')),
  )
  expect((await made.next()).value).toBe('a')
  await expect(made.next()).rejects.toThrow('no second')
})
