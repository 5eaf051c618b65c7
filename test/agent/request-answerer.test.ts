import { expect, test } from 'vitest'
import { type Request, RequestAnswerer, type RequestTrace } from '../../agent/request-answerer.ts'
import { StreamProgram } from '../../agent/stream-program.ts'
import { systemClock } from '../../src/async/clock.ts'
import { EdgeBelief } from '../../src/latency-model/edge-belief.ts'
import { toySetup } from '../scheduler/toy-setup.ts'

const never = () => new Promise<never>(() => undefined)
const setup = toySetup()
const newTrace = (): RequestTrace => ({ measured: { totalMs: 0, sentBytes: 0 } })
const unreadable: Request['read'] = () => {
  throw new Error('no picture')
}
const answererOf = (program: StreamProgram) =>
  new RequestAnswerer({
    setup: () => setup,
    program,
    link: () => ({ kind: 'unknown' }),
    edge: new EdgeBelief(),
    workers: () => [],
    instruments: {
      inference: {
        enqueue: () => ({ id: '', reply: never(), revise: () => undefined }),
        runJob: () => ({ id: '', reply: never(), revise: () => undefined }),
        drop: () => undefined,
        waitMs: () => 0,
      },
      chain: setup.chain,
      exchange: { request: never },
      outputShapes: [],
      clock: systemClock,
    },
  })
const answerer = answererOf(new StreamProgram([{ name: 'default', priority: 0, weight: 1, keep: 'all' }]))

async function askUnreadable(): Promise<RequestTrace> {
  const trace = newTrace()
  const request: Request = { stream: 'default', bytes: 1, timeLeftMs: 1000, read: unreadable }
  const answer = answerer.answer(request, trace, new AbortController().signal)
  await expect(answer).rejects.toThrow('no picture')
  return trace
}

test('RequestAnswerer: inputs that cannot be read leave the edge as free as it was', async () => {
  for (let i = 0; i < 3; i++) {
    const { plan } = await askUnreadable()
    expect(plan!.conditions.edgeWaitMs).toBe(0)
  }
})

test('RequestAnswerer: what the agent asks itself before it serves is no arrival, and never left out', async () => {
  const shed = () => ({ kind: 'shed', reason: 'overload' }) as const
  const program = new StreamProgram([{ name: 'default', priority: 0, weight: 1, keep: 'newest' }], shed)
  const slow = answererOf(program)
  const input = { stream: 'default', bytes: 1, timeLeftMs: 1000, read: unreadable }
  const ask = (isTrial: boolean) =>
    slow.answer({ ...input, isTrial }, newTrace(), new AbortController().signal)
  await expect(ask(true)).rejects.toThrow('no picture')
  expect(program.mix.solution).toBeUndefined()
  await expect(ask(false)).rejects.toMatchObject({ code: 'shed' })
})
