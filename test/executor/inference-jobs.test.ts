import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import {
  InferenceHost,
  type InferenceHostOptions,
  InferenceThreadError,
  type JobOptions,
  type JobRequest,
  RunCancelledError,
} from '../../src/executor/inference-host.ts'
import type { RunRequest } from '../../src/executor/inference-protocol.ts'
import { RunDispatcher } from '../../src/executor/run-dispatcher.ts'
import { segmentChain } from '../../src/executor/segment-chain.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import { repositoryRoot } from '../paths.ts'
import { openFaultyThread } from './open-faulty-thread.ts'

const source = fileURLToPath(new URL('models/mobilenetv2', repositoryRoot))
const { graph } = await loadModel(source)
const chain = segmentChain(graph, plannedWounds(graph))
const end = chain.segments.length
const picture = {
  shape: [1, 3, 224, 224],
  data: new Float32Array(3 * 224 * 224).map((_, i) => Math.sin(i / 97)),
}
const told: string[] = []
let host: InferenceHost

async function started(options: InferenceHostOptions = {}): Promise<InferenceHost> {
  const inference = new InferenceHost(
    { model: source, engine: 'onnxruntime', threads: 1, slowdown: 1 },
    {
      open: openFaultyThread,
      onNote: (note) => told.push(note.kind === 'log' ? note.message : note.kind),
      ...options,
    },
  )
  await inference.start()
  for (const segment of chain.segments) await inference.load(segment.key, segment)
  return inference
}

function part(request: string, from: number, to: number, more: Partial<JobRequest> = {}): JobRequest {
  return {
    request,
    steps: chain.segments.slice(from, to).map(({ key }, i) => ({
      segment: key,
      output: chain.crossing(from + i + 1),
      expectedMs: 10,
    })),
    input: from === 0 ? { kind: 'values', tensors: chain.crossing(0), values: [picture] } : { kind: 'kept' },
    keep: false,
    values: true,
    ...more,
  }
}

function whole(request: string): RunRequest {
  const { steps, ...rest } = part(request, 0, end)
  return { ...rest, segments: steps.map(({ segment }) => segment), output: graph.outputs }
}

beforeAll(async () => {
  host = await started()
})

afterEach(() => {
  told.length = 0
})

afterAll(() => host.stop())

test('InferenceHost.runJob: segment by segment gives what the run in one piece gives', async () => {
  const wanted = await host.run(whole('whole'))
  const got = await host.runJob(part('job', 0, end)).reply
  expect(got.values).toEqual(wanted.values)
  expect(got.segmentMs.length).toBe(end)
  expect(got.queueMs).toBeGreaterThanOrEqual(0)
})

test('InferenceHost.runJob: segments that are over in no time are given together, and still told one by one', async () => {
  const { values } = await host.run(whole('whole'))
  const heard: number[] = []
  const quick = part('quick', 0, end)
  const steps = quick.steps.map((step, i) => ({ ...step, expectedMs: i === 1 ? 5 : 0.5 }))
  const got = await host.runJob({ ...quick, steps }, { onSegment: (i) => heard.push(i) }).reply
  expect(got.values).toEqual(values)
  expect(heard).toEqual(steps.map((_, i) => i))
  expect(got.segmentMs).toHaveLength(end)
})

test('InferenceHost.runJob: a head is encoded and kept, and a later job goes on from it', async () => {
  const { values } = await host.run(whole('whole'))
  const wound = chain.wounds[2]!.id
  const head = part('cut', 0, 2, { keep: true, values: false, encode: { codec: 'float32', wound } })
  const { encoded, values: none } = await host.runJob(head).reply
  expect(encoded.length).toBe(chain.crossing(2).length)
  expect(none).toEqual([])
  expect((await host.runJob(part('cut', 2, end)).reply).values).toEqual(values)
  await expect(host.runJob(part('cut', 2, end)).reply).rejects.toThrow('its tensors are no longer kept')
})

test('InferenceHost.runJob: at each border the earliest due goes first, and insurance after what is urgent', async () => {
  const order: string[] = []
  const job = (name: string, options: JobOptions) =>
    host.runJob(part(name, 0, 3), { ...options, onSegment: (i) => order.push(`${name}${i}`) }).reply
  await Promise.all([
    job('insurance', { urgency: 'insurance', dueMs: 1 }),
    ...['a', 'b', 'c'].map((name) => job(name, { dueMs: 100 })),
    job('early', { dueMs: 50 }),
  ])
  const three = (name: string) => [0, 1, 2].map((i) => `${name}${i}`)
  expect(order).toEqual([
    'insurance0',
    ...['early', 'a', 'b', 'c'].flatMap(three),
    'insurance1',
    'insurance2',
  ])
})

test('InferenceHost.runJob: a job that is given up ends at a border, and keeps nothing', async () => {
  const abort = new AbortController()
  const segments: number[] = []
  const { reply } = host.runJob(part('given up', 0, end, { keep: true }), {
    signal: abort.signal,
    onSegment: (i) => {
      segments.push(i)
      abort.abort()
    },
  })
  await expect(reply).rejects.toThrow(RunCancelledError)
  expect(segments).toEqual([0])
  await expect(host.runJob(part('given up', 1, 2)).reply).rejects.toThrow('its tensors are no longer kept')
})

test('InferenceHost.drop: costs a message only where something is kept', async () => {
  host.drop('never kept')
  await host.run(whole('not kept'))
  host.drop('not kept')
  await host.runJob(part('one segment', 0, 1)).reply
  await host.runJob(part('kept', 0, 1, { keep: true, values: false })).reply
  host.drop('kept')
  host.drop('kept')
  await host.run(whole('after'))
  expect(told).toEqual(['drop kept'])
})

test('InferenceHost.waitMs: tells what a new job would wait', async () => {
  const own = await started({ now: () => 0 })
  try {
    const jobs = ['a', 'b'].map((name) => own.runJob(part(name, 0, end), { dueMs: 5 }).reply)
    expect(own.waitMs(1)).toBe(10)
    expect(own.waitMs(9)).toBe(2 * end * 10)
    expect(own.idle).toBe(false)
    await Promise.all(jobs)
    expect(own.waitMs(9)).toBe(0)
    expect(own.idle).toBe(true)
  } finally {
    await own.stop()
  }
})

test('InferenceHost: a run behind a long compile is not timed, it waits', async () => {
  let nowMs = 0
  const own = await started({ runLimitMs: 600, graceMs: 300, now: () => nowMs })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  process.env['SURGEON_TEST_HOLD'] = '1'
  try {
    const compiled = own.load('hold', chain.segments[0]!)
    // So that the thread has been told.
    await new Promise(setImmediate)
    const run = own.run(whole('behind'))
    // Past the limit of a run and its grace, within that of a compile.
    await vi.advanceTimersByTimeAsync(60_000)
    nowMs = 60_000
    delete process.env['SURGEON_TEST_HOLD']
    await compiled
    expect((await run).queueMs).toBe(60_000)
    expect(own.restarts).toBe(0)
  } finally {
    delete process.env['SURGEON_TEST_HOLD']
    vi.useRealTimers()
    await own.stop()
  }
})

test('InferenceHost: what was kept in a thread that ended is gone, and the job that needs it says so', async () => {
  const own = await started()
  try {
    const insurance = own.runJob(part('insurance', 0, end), { urgency: 'insurance' }).reply
    const crash = own.runJob(part('exit', 0, 1)).reply
    const fresh = own.runJob(part('fresh', 0, end)).reply
    await Promise.all([
      expect(crash).rejects.toThrow(InferenceThreadError),
      expect(insurance).rejects.toThrow('Cannot resume request insurance: its tensors are no longer kept'),
      expect(fresh).resolves.toBeDefined(),
    ])
    expect(own.restarts).toBe(1)
  } finally {
    await own.stop()
  }
})

test('InferenceHost: two hosts share a dispatcher, and one that stops leaves the other its turn', async () => {
  const dispatcher = new RunDispatcher({ maxRunning: 1, slackMs: 0 }, () => 0)
  const [one, two] = await Promise.all(
    ['one', 'two'].map((name) => started({ shared: { dispatcher, name } })),
  )
  const order: string[] = []
  const job = (at: InferenceHost, name: string, dueMs: number) =>
    at.runJob(part(name, 0, 2), { dueMs, onSegment: (i) => order.push(`${name}${i}`) }).reply
  try {
    await Promise.all([job(one!, 'a', 1), job(one!, 'b', 3), job(two!, 'c', 2)])
    expect(order).toEqual(['a0', 'a1', 'c0', 'c1', 'b0', 'b1'])
    await one!.stop()
    await expect(job(one!, 'd', 0)).rejects.toThrow('not running')
    await expect(job(two!, 'e', 0)).resolves.toBeDefined()
  } finally {
    await Promise.all([one!.stop(), two!.stop()])
  }
})
