import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { RunCancelledError } from '../../src/executor/inference-thread-link.ts'
import { type Dispatched, type DispatchedJob, RunDispatcher } from '../../src/executor/run-dispatcher.ts'
import { RunQueue } from '../../src/executor/run-queue.ts'
import { anyJob, type Event, events, limits, Machine, play } from './run-machine.ts'
import { SerialHost } from './serial-host.ts'

/** Two hosts, `m` and `n`, that compute what they are given in its order, as far as they may, until told that it ends. */
function dispatching(maxRunning = 1) {
  const dispatcher = new RunDispatcher({ maxRunning, slackMs: 0 }, () => 0)
  const hosts = { m: new SerialHost(), n: new SerialHost() }
  const job = (
    name: string,
    more: Partial<Omit<DispatchedJob<string>, 'host'>> & { host?: 'm' | 'n' } = {},
  ) =>
    dispatcher.submit<string>({
      host: 'm',
      stream: '',
      urgency: 'urgent',
      dueMs: 0,
      segmentsMs: [0],
      compute: (segment, claim) => hosts[more.host ?? 'm'].call(`${name}${segment}`, claim),
      ...more,
    })
  const names = () => Object.values(hosts).flatMap(({ computing }) => computing ?? [])
  /** Ends what runs, and lets what follows begin. */
  const end = async (name: string, error?: Error) => {
    Object.values(hosts)
      .find(({ computing }) => computing === name)!
      .end(error)
    await new Promise(setImmediate)
  }
  dispatcher.opened('m')
  dispatcher.opened('n')
  return { dispatcher, hosts, job, names, end }
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
  for (const host of ['m', 'n'] as const) one.job(host, { host })
  expect(one.names()).toEqual(['m0'])
  const two = dispatching(2)
  for (const host of ['m', 'n'] as const) two.job(host, { host })
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
  // It had begun with the next, from tensors that there are not.
  await end('a1', new Error('segment failed'))
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

test('RunDispatcher: a host goes on at once with what it was given ahead, which is heard of afterwards', async () => {
  const { hosts, job, names, end } = dispatching()
  const two = job('a', { segmentsMs: [0, 0] })
  job('b')
  hosts.m.end()
  // Nobody has been told that the first has ended.
  expect(names()).toEqual(['a1'])
  await end('a1')
  expect(await two.results).toEqual(['a0', 'a1'])
  expect(names()).toEqual(['b0'])
})

test('RunDispatcher: what was given ahead is taken back for what is to go first, until the host has begun with it', async () => {
  const { hosts, job, names, end } = dispatching()
  job('a', { segmentsMs: [0, 0, 0], dueMs: 2 })
  const early = job('b', { dueMs: 1 })
  hosts.m.end()
  expect(names()).toEqual(['b0'])
  job('c', { dueMs: 0 })
  await end('b0')
  expect(await early.results).toEqual(['b0'])
  expect(names()).toEqual(['c0'])
  await end('c0')
  hosts.m.end()
  job('d', { dueMs: 0 })
  expect(names()).toEqual(['a2'])
  await end('a2')
  expect(names()).toEqual(['d0'])
})

test('RunDispatcher: what was given ahead to a host that closes waits until it is opened', async () => {
  const { dispatcher, hosts, job, names, end } = dispatching()
  const lost = job('a')
  const waiting = job('b')
  dispatcher.closed('m')
  await Promise.all([expect(lost.results).rejects.toThrow('crashed'), end('a0', new Error('crashed'))])
  expect(names()).toEqual([])
  dispatcher.opened('m')
  hosts.m.end()
  expect(await waiting.results).toEqual(['b0'])
})

test('RunDispatcher: a job begins after another, before what is less urgent, and is rejected with it', async () => {
  const { hosts, job, names, end } = dispatching()
  const after = (head: { id: string }) => ({ after: head.id, urgency: 'insurance' }) as const
  const head = job('a', { dueMs: 1 })
  const tail = job('b', after(head))
  const failing = job('c', { dueMs: 2 })
  const never = job('d', after(failing))
  const abort = new AbortController()
  const aborted = job('e', { dueMs: 3, signal: abort.signal })
  const neither = job('f', after(aborted))
  hosts.m.end()
  expect(names()).toEqual(['c0'])
  await Promise.all([
    expect(failing.results).rejects.toThrow('failed'),
    expect(never.results).rejects.toThrow('failed'),
    end('c0', new Error('failed')),
  ])
  expect(names()).toEqual(['e0'])
  abort.abort()
  await Promise.all([
    expect(aborted.results).rejects.toThrow(RunCancelledError),
    expect(neither.results).rejects.toThrow(RunCancelledError),
    end('e0'),
  ])
  expect(names()).toEqual(['b0'])
  await end('b0')
  expect(await tail.results).toEqual(['b0'])
  expect(names()).toEqual([])
})

test('RunDispatcher: with what is given ahead the order is that of the queue, asked anew at each border', async () => {
  const onOneHost = anyJob.map((each) => ({ ...each, host: 'm' }))
  const property = fc.asyncProperty(events(onOneHost), async (played) => {
    const machine = new Machine(new RunQueue(limits))
    play(machine, played, () => machine.begin())
    machine.advance()
    expect(await dispatched(played)).toEqual(machine.ran.map(({ id, segment }) => `${id}.${segment}`))
  })
  await fc.assert(property, { numRuns: 300 })
})

/** What a host computes that takes as long as expected and goes on with what it has before it is heard of. */
async function dispatched(played: readonly Event[]): Promise<readonly string[]> {
  let nowMs = 0
  const dispatcher = new RunDispatcher(limits, () => nowMs)
  const host = new SerialHost()
  dispatcher.opened('m')
  const jobs: { readonly abort: AbortController; readonly revise: Dispatched<string>['revise'] }[] = []
  const lengths = new Map<string, number>()
  const ran: string[] = []
  let endMs = Number.NaN
  const pass = async (untilMs: number) => {
    for (; host.computing !== undefined; await flush()) {
      if (Number.isNaN(endMs)) endMs = nowMs + lengths.get(host.computing)!
      if (endMs > untilMs) break
      nowMs = endMs
      endMs = Number.NaN
      ran.push(host.computing)
      host.end()
    }
    if (Number.isFinite(untilMs)) nowMs = untilMs
  }
  for (const event of played) {
    if (event.kind === 'pass') await pass(nowMs + event.ms)
    else if (event.kind === 'add') {
      const id = jobs.length
      for (const [i, ms] of event.added.segmentsMs.entries()) lengths.set(`${id}.${i}`, ms)
      const abort = new AbortController()
      const { results, revise } = dispatcher.submit<string>({
        ...event.added,
        compute: (segment, claim) => host.call(`${id}.${segment}`, claim),
        signal: abort.signal,
      })
      results.catch(() => undefined)
      jobs.push({ abort, revise })
      if (Number.isNaN(endMs) && host.computing !== undefined) endMs = nowMs + lengths.get(host.computing)!
    } else if (event.kind === 'cancel') jobs[event.nth]?.abort.abort()
    else jobs[event.nth]?.revise({ urgency: 'urgent', dueMs: 0 })
  }
  await pass(Number.POSITIVE_INFINITY)
  return ran
}

/** Lets promises that have settled be heard of. */
async function flush(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}
