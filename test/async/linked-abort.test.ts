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
