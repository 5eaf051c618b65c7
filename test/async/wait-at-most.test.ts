import { expect, test } from 'vitest'
import { waitAtMost } from '../../src/async/wait-at-most.ts'

const never = new Promise<never>(() => {})

test('waitAtMost() ends with the work, with its error, or with the time', async () => {
  await waitAtMost(60_000, Promise.resolve('done'))
  await expect(waitAtMost(60_000, Promise.reject(new Error('failed')))).rejects.toThrow('failed')
  await waitAtMost(1, never)
})
