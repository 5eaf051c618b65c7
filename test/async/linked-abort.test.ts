import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { linkedAbort } from '../../src/async/linked-abort.ts'

test('linkedAbort() follows its sources, also one that is aborted already, and can be aborted itself', () => {
  const [first, second] = [new AbortController(), new AbortController()]
  const linked = linkedAbort(first.signal, second.signal)
  expect(linked.signal.aborted).toBe(false)
  second.abort(new Error('why'))
  expect(linked.signal.reason).toEqual(new Error('why'))
  expect(linkedAbort(first.signal, second.signal).signal.aborted).toBe(true)
  const own = linkedAbort(first.signal)
  own.abort()
  expect(own.signal.aborted).toBe(true)
  expect(first.signal.aborted).toBe(false)
})

test('linkedAbort() leaves nothing behind with its sources once released', () => {
  const source = new AbortController()
  const linked = [1, 2, 3].map(() => linkedAbort(source.signal))
  expect(getEventListeners(source.signal, 'abort')).toHaveLength(3)
  for (const { release } of linked) release()
  expect(getEventListeners(source.signal, 'abort')).toHaveLength(0)
  source.abort()
  expect(linked.some(({ signal }) => signal.aborted)).toBe(false)
})

test('linkedAbort() lets a hundred follow one source, and a hundred listeners its own, without a warning', async () => {
  const warnings: Error[] = []
  const onWarning = (warning: Error) => warnings.push(warning)
  process.on('warning', onWarning)
  const source = new AbortController()
  const linked = Array.from({ length: 100 }, () => linkedAbort(source.signal))
  for (let n = 0; n < 100; n++) linked[0]!.signal.addEventListener('abort', () => undefined)
  // Warnings are told in the next turn.
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  process.off('warning', onWarning)
  for (const { release } of linked) release()
  expect(warnings).toEqual([])
})
