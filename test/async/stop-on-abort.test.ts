import { expect, test } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import { stopOnAbort } from '../../src/async/stop-on-abort.ts'

test('stopOnAbort() gives the result, or the failure, of work that is not aborted', async () => {
  const { signal } = new AbortController()
  const stop = () => Promise.reject(new Error('must not be called'))
  expect(await stopOnAbort(signal, () => Promise.resolve(7), stop)).toBe(7)
  await expect(stopOnAbort(undefined, () => Promise.reject(new Error('failed')), stop)).rejects.toThrow(
    'failed',
  )
})

test.for(['failed', 'ended well'])(
  'stopOnAbort() rejects with the reason although the work %s',
  async (how) => {
    const controller = new AbortController()
    const work = deferred<number>()
    let stopped = false
    const result = stopOnAbort(
      controller.signal,
      () => work.promise,
      async () => {
        if (how === 'failed') work.reject(new Error('stopped'))
        else work.resolve(1)
        await Promise.resolve()
        stopped = true
      },
    )
    controller.abort(new Error('enough'))
    await expect(result).rejects.toThrow('enough')
    expect(stopped).toBe(true)
  },
)

test('stopOnAbort() does not begin what is aborted already', async () => {
  const begun = () => Promise.reject(new Error('begun'))
  await expect(stopOnAbort(AbortSignal.abort(new Error('before')), begun, begun)).rejects.toThrow('before')
})
