import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pixelsToInput } from '../../src/codec/pixels-to-input.ts'
import { InferenceHost, InferenceThreadError, RunCancelledError } from '../../src/executor/inference-host.ts'
import type { GivenInput, RunRequest } from '../../src/executor/inference-protocol.ts'
import { type SegmentChain, segmentChain } from '../../src/executor/segment-chain.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { pictureOf } from '../../src/model-graph/manifest.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import { repositoryRoot } from '../paths.ts'
import { openFaultyThread } from './open-faulty-thread.ts'

const source = fileURLToPath(new URL('models/mobilenetv2', repositoryRoot))
const picture: TensorValue = {
  shape: [1, 3, 224, 224],
  data: new Float32Array(3 * 224 * 224).map((_, i) => Math.sin(i / 97)),
}
let chain: SegmentChain
let worker: InferenceHost

async function started(slowdown = 1): Promise<InferenceHost> {
  const inference = new InferenceHost({ model: source, engine: 'onnxruntime', threads: 1, slowdown })
  await inference.start()
  for (const segment of chain.segments) await inference.load(segment.key, segment)
  return inference
}

/** The whole chain, or the part of it between two wounds. */
function part(request: string, from: number, to: number, more: Partial<RunRequest> = {}): RunRequest {
  return {
    request,
    segments: chain.segments.slice(from, to).map(({ key }) => key),
    input: from === 0 ? { kind: 'values', tensors: chain.crossing(0), values: [picture] } : { kind: 'kept' },
    output: chain.crossing(to),
    keep: false,
    values: true,
    ...more,
  }
}

beforeAll(async () => {
  const { graph } = await loadModel(source)
  chain = segmentChain(graph, plannedWounds(graph))
  worker = await started()
})

afterAll(() => worker.stop())

test('InferenceHost: head, kept tensors, then tail give what the whole chain gives, at each wound', async () => {
  const last = chain.segments.length
  const whole = (await worker.run(part('whole', 0, last))).values[0]!
  expect(Math.max(...whole.data)).toBeGreaterThan(0.01)
  for (let place = 1; place < last; place++) {
    const head = await worker.run(
      part('cut', 0, place, { keep: true, values: false, encode: { codec: 'float32', wound: 'cut' } }),
    )
    const kept = (await worker.run(part('cut', place, last))).values[0]!
    const sent = (
      await worker.run(
        part('other', place, last, {
          input: {
            kind: 'encoded',
            codec: 'float32',
            wound: 'cut',
            tensors: chain.crossing(place),
            encoded: head.encoded,
          },
        }),
      )
    ).values[0]!
    expect(kept.data).toEqual(whole.data)
    expect(sent.data).toEqual(whole.data)
    worker.drop('cut')
  }
})

test('InferenceHost: kept tensors are gone once dropped, and the error says so', async () => {
  await worker.run(part('gone', 0, 1, { keep: true, values: false }))
  worker.drop('gone')
  await expect(worker.run(part('gone', 1, 2))).rejects.toThrow(
    'Cannot resume request gone: its tensors are no longer kept',
  )
})

test('InferenceHost: of the runs that wait, the earliest due goes first', async () => {
  const order: string[] = []
  const run = (name: string, dueMs: number) =>
    worker.run(part(name, 0, 1), { dueMs }).then(() => order.push(name))
  await Promise.all([run('first', 9), run('insurance', 5), run('head', 1), run('later head', 2)])
  expect(order).toEqual(['first', 'head', 'later head', 'insurance'])
})

test('InferenceHost: a cancelled run ends between segments, a waiting one at once, others are not hurt', async () => {
  const slow = await started(200)
  try {
    const abort = new AbortController()
    const running = slow.run(part('a', 0, chain.segments.length), { signal: abort.signal })
    const waiting = slow.run(part('b', 0, chain.segments.length), { signal: abort.signal })
    const other = slow.run(part('c', 0, 0))
    setImmediate(() => abort.abort())
    await Promise.all([
      expect(running).rejects.toThrow(RunCancelledError),
      expect(waiting).rejects.toThrow(RunCancelledError),
    ])
    await expect(other).resolves.toBeDefined()
  } finally {
    await slow.stop()
  }
})

test('InferenceHost: a wrong input is an error of that run alone', async () => {
  const wrong = part('wrong', 0, 1, {
    input: {
      kind: 'values',
      tensors: chain.crossing(0),
      values: [{ shape: [1, 3, 2, 2], data: new Float32Array(12) }],
    },
  })
  await expect(worker.run(wrong)).rejects.toThrow(/shape/)
  await expect(worker.run(part('right', 0, 1))).resolves.toBeDefined()
})

test('InferenceHost: pixels give what their values give, alone and together, and an input that is kept stays', async () => {
  const { manifest } = await loadModel(source)
  const input = pictureOf(manifest)!
  const tensors = chain.crossing(0)
  const last = chain.segments.length
  const pixels = [1, 2, 3].map((seed) =>
    Uint8Array.from({ length: 3 * 224 * 224 }, (_, i) => (i * seed * 7919) >> 3),
  )
  const answers = async (given: GivenInput) => {
    const { values } = await worker.run(part('picture', 0, last, { input: given }))
    return values.map(({ data }) => data)
  }
  const expected: Float32Array[] = []
  for (const each of pixels)
    expected.push(...(await answers({ kind: 'values', tensors, values: [pixelsToInput(each, input)] })))
  const keep = part('kept', 0, 0, { input: { kind: 'pixels', tensors, pixels: pixels[0]! }, keep: true })
  await worker.run({ ...keep, values: false })
  for (const [i, each] of pixels.entries())
    expect(await answers({ kind: 'pixels', tensors, pixels: each })).toEqual([expected[i]])
  expect(await worker.run(part('kept', 0, last, { input: { kind: 'kept' } }))).toMatchObject({
    values: [{ data: expected[0] }],
  })
  const members = pixels.map((each): GivenInput => ({ kind: 'pixels', tensors, pixels: each }))
  const { values } = await worker.run(part('batch', 0, last, { input: { kind: 'batch', members } }))
  for (const [i, { data }] of values.entries())
    expect(Math.max(...data.map((value, c) => Math.abs(value - expected[i]![c]!)))).toBeLessThan(1e-4)
  worker.drop('kept')
  const wrong = part('wrong', 0, 1, { input: { kind: 'pixels', tensors, pixels: new Uint8Array(7) } })
  await expect(worker.run(wrong)).rejects.toThrow(/must be 150528 bytes, current value is 7/)
})

test('InferenceHost: a model that cannot be loaded is told at start', async () => {
  const lost = new InferenceHost({ model: '/nowhere', engine: 'onnxruntime', threads: 1, slowdown: 1 })
  await expect(lost.start()).rejects.toThrow('Cannot load model /nowhere')
})

test('InferenceHost: values that are not finite are refused', async () => {
  const bad = { ...picture, data: picture.data.slice() }
  bad.data[150_001] = Number.NaN
  const run = part('nan', 0, 1, { input: { kind: 'values', tensors: chain.crossing(0), values: [bad] } })
  await expect(worker.run(run)).rejects.toThrow(/must be finite, value 150001 is NaN/)
})

test('InferenceHost: a thread that ends or hangs is replaced, its run rejected, what waits goes on', async () => {
  const faults: string[] = []
  const faulty = new InferenceHost(
    { model: source, engine: 'onnxruntime', threads: 1, slowdown: 1 },
    {
      open: openFaultyThread,
      runLimitMs: 5000,
      graceMs: 200,
      onFault: ({ message }) => faults.push(message),
    },
  )
  await faulty.start()
  try {
    for (const segment of chain.segments) await faulty.load(segment.key, segment)
    const whole = await faulty.run(part('before', 0, chain.segments.length))
    for (const [fault, told] of [
      ['exit', /ended: exit code 7/],
      ['throw', /ended: a fault nobody catches/],
      ['hang', /took longer than 5000 ms/],
    ] as const) {
      const lost = faulty.run(part(fault, 0, 1))
      const waiting = faulty.run(part('after', 0, chain.segments.length))
      await expect(lost).rejects.toThrow(InferenceThreadError)
      expect(faults.at(-1)).toMatch(told)
      expect((await waiting).values).toEqual(whole.values)
    }
    expect(faulty.restarts).toBe(3)
    expect(faults.length).toBe(3)
  } finally {
    await faulty.stop()
  }
  await expect(faulty.run(part('late', 0, 1))).rejects.toThrow(/not running/)
})

test('InferenceHost: when no new thread can be started, what waits is told', async () => {
  const copy = await mkdtemp(join(tmpdir(), 'surgeon-model-'))
  await cp(source, copy, { recursive: true })
  const faulty = new InferenceHost(
    { model: copy, engine: 'onnxruntime', threads: 1, slowdown: 1 },
    { open: openFaultyThread },
  )
  await faulty.start()
  try {
    await rm(copy, { recursive: true })
    const lost = faulty.run(part('exit', 0, 0))
    const waiting = faulty.run(part('after', 0, 0))
    await Promise.all([
      expect(lost).rejects.toThrow(/exit code 7/),
      expect(waiting).rejects.toThrow(/Cannot restart the inference thread: Cannot load model/),
    ])
  } finally {
    await faulty.stop()
  }
})
