import { expect, test } from 'vitest'
import { type Deferred, deferred } from '../../src/async/deferred.ts'
import { RunCancelledError } from '../../src/executor/inference-thread-link.ts'
import { type DispatchedJob, RunDispatcher } from '../../src/executor/run-dispatcher.ts'

/** Two hosts, `m` and `n`, whose segments end when they are told to. */
function dispatching(maxRunning = 1) {
  const dispatcher = new RunDispatcher({ maxRunning, slackMs: 0 }, () => 0)
  const running = new Map<string, Deferred<void>>()
  const job = (name: string, more: Partial<DispatchedJob<string>> = {}) =>
    dispatcher.submit<string>({
      host: 'm',
      stream: '',
      urgency: 'urgent',
      dueMs: 0,
      segmentsMs: [0],
      compute: async (segment) => {
        const end = deferred<void>()
        running.set(`${name}${segment}`, end)
        await end.promise.finally(() => running.delete(`${name}${segment}`))
        return `${name}${segment}`
      },
      ...more,
    })
  const names = () => [...running.keys()]
  /** Ends what runs, and lets what follows begin. */
  const end = async (name: string, error?: Error) => {
    if (error === undefined) running.get(name)!.resolve()
    else running.get(name)!.reject(error)
    await new Promise(setImmediate)
  }
  dispatcher.opened('m')
  dispatcher.opened('n')
  return { dispatcher, job, names, end }
}

test('RunDispatcher: a job keeps its place between its segments, and a more urgent one goes between', async () => {
  const { job, names, end } = dispatching()
  const insurance = job('i', { urgency: 'insurance', segmentsMs: [0, 0] })
  const urgent = job('u', { segmentsMs: [0, 0] })
  const order = []
  for (let left = names(); left.length > 0; left = names()) {
    order.push(...left)
    await end(left[0]!)
  }
  expect(order).toEqual(['i0', 'u0', 'u1', 'i1'])
  expect(await insurance.results).toEqual(['i0', 'i1'])
  expect(await urgent.results).toEqual(['u0', 'u1'])
})

test('RunDispatcher: insurance that is made urgent goes first from its next segment on', async () => {
  const { job, names, end } = dispatching()
  job('a', { dueMs: 1 })
  job('b', { dueMs: 2 })
  job('i', { urgency: 'insurance' }).revise({ urgency: 'urgent', dueMs: 0 })
  await end('a0')
  expect(names()).toEqual(['i0'])
})

test('RunDispatcher: hosts that share it compute as many at once as may', async () => {
  const one = dispatching(1)
  for (const host of ['m', 'n']) one.job(host, { host })
  expect(one.names()).toEqual(['m0'])
  const two = dispatching(2)
  for (const host of ['m', 'n']) two.job(host, { host })
  expect(two.names()).toEqual(['m0', 'n0'])
})

test('RunDispatcher: what waits for a closed host waits until it is opened, or is rejected', async () => {
  const { dispatcher, job, names } = dispatching()
  dispatcher.closed('m')
  const waiting = job('a')
  job('b', { host: 'n' })
  expect(names()).toEqual(['b0'])
  dispatcher.rejectWaiting('m', new Error('no new thread'))
  await expect(waiting.results).rejects.toThrow('no new thread')
  expect(dispatcher.isIdle('m')).toBe(true)
  expect(dispatcher.isIdle('n')).toBe(false)
  const again = job('c')
  dispatcher.closed('n')
  dispatcher.opened('m')
  expect(names()).toEqual(['b0'])
  dispatcher.rejectWaiting('m', new Error('no new thread'))
  await expect(again.results).rejects.toThrow('no new thread')
})

test('RunDispatcher: a job that fails ends there, and the next begins', async () => {
  const { job, names, end } = dispatching()
  const failing = job('a', { segmentsMs: [0, 0] })
  const next = job('b')
  const told = failing.results.catch((error: Error) => error.message)
  await end('a0', new Error('segment failed'))
  expect(await told).toBe('segment failed')
  expect(names()).toEqual(['b0'])
  await end('b0')
  expect(await next.results).toEqual(['b0'])
})

test('RunDispatcher: a job that is given up ends at once, or with its segment, and clears the way', async () => {
  const { dispatcher, job, names, end } = dispatching()
  dispatcher.closed('n')
  const abort = new AbortController()
  let aborts = 0
  const more = { signal: abort.signal, onAbort: () => aborts++, segmentsMs: [0, 0] }
  const running = job('a', more)
  const waiting = job('b', { ...more, host: 'n' })
  job('p', { urgency: 'background' })
  const told = Promise.allSettled([running.results, waiting.results])
  await end('a0')
  abort.abort()
  await end('a1')
  expect((await told).map((each) => each.status === 'rejected' && each.reason)).toEqual([
    new RunCancelledError('Cancelled between two segments'),
    new RunCancelledError('Cancelled while it waited'),
  ])
  expect(aborts).toBe(2)
  expect(names()).toEqual(['p0'])
  await expect(job('c', more).results).rejects.toThrow('Cancelled before it began')
})

test('RunDispatcher: background work begins as the last that waited is given up', async () => {
  const { dispatcher, job, names } = dispatching()
  dispatcher.closed('n')
  const abort = new AbortController()
  const waiting = job('a', { host: 'n', signal: abort.signal })
  job('p', { urgency: 'background' })
  expect(names()).toEqual([])
  abort.abort()
  await expect(waiting.results).rejects.toThrow(RunCancelledError)
  expect(names()).toEqual(['p0'])
})
