import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RemoteAnswer } from '../../agent/accept-answer.ts'
import { Exchange } from '../../agent/exchange.ts'
import { Workers } from '../../agent/workers.ts'
import { workerConfigSchema } from '../../backend/config.ts'
import { BackendWorker } from '../../backend/worker.ts'
import { featureCodec } from '../../src/codec/feature-codecs.ts'
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/embedded-broker/embedded-broker.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { runSegment } from '../../src/executor/parity.ts'
import { cut } from '../../src/model-graph/cut.ts'
import { findWound } from '../../src/model-graph/find-wound.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import type { Model } from '../../src/model-graph/model.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { bundledPhoto, maxAbsDiff, photoInput } from '../model-input.ts'
import { patienceMs } from '../patience.ts'

/** What the worker says of each call of its engine, and of each tail it has compiled, in order. */
type Report =
  | {
      readonly said: 'serving'
      readonly wound: string
      readonly requests: number
      readonly segments: string[]
    }
  | { readonly said: 'a tail was compiled'; readonly wound: string }

const photos = ['cat', 'coffee', 'flower', 'palace', 'rocket']
const reports: Report[] = []
const faults: unknown[] = []
let folder: string
let broker: EmbeddedBroker
let worker: BackendWorker
let session: MqttSession
let exchange: Exchange
let model: Model

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-worker-'))
  model = await loadModel('mobilenetv2')
  broker = createEmbeddedBroker()
  const { port } = await broker.start()
  const mqtt = { url: `mqtt://127.0.0.1:${port}` }
  // A busy machine takes longer than what may wait by default.
  const limits = { batch: 4, batchGain: 0, waitMs: patienceMs }
  const config = { worker: 'w', mqtt, models: ['mobilenetv2'], stateDirectory: folder, limits }
  worker = new BackendWorker(workerConfigSchema.parse(config), (level, message, fields) => {
    if (level === 'warn' || level === 'error') faults.push([message, fields])
    if (message === 'serving' || message === 'a tail was compiled')
      reports.push({ said: message, ...fields } as Report)
  })
  await worker.start()
  session = new MqttSession({ ...mqtt, clientId: 'edge' })
  session.start()
  await session.whenOnline()
  const common = {
    topicPrefix: 'surgeon',
    modelHash: model.hash,
    now: () => performance.now(),
    log: (level: string, message: string, fields: unknown) => {
      if (level === 'warn' || level === 'error') faults.push([message, fields])
    },
  }
  const workers = new Workers({ ...common, wounds: new Set(), onGone: () => undefined })
  exchange = new Exchange({ ...common, session, device: 'pi', workers, onDownlink: () => undefined })
  await exchange.start()
  reports.length = 0
})

afterAll(async () => {
  await session.stop()
  await worker.stop()
  await broker.stop()
  await rm(folder, { recursive: true, force: true })
})

/** For each photo a way to ask for its tail at a wound, and the answer of the whole model. */
async function patients(wound: string): Promise<{ ask: () => Promise<RemoteAnswer>; whole: Float32Array }[]> {
  const engine = await loadEngine('onnxruntime')
  const { head, tail } = cut(model.graph, findWound(model.graph, wound))
  const encoder = featureCodec('float32')
  const made = []
  for (const photo of photos) {
    const crossing = await runSegment(engine, model, head, [
      await photoInput(bundledPhoto(photo), model.manifest),
    ])
    const [whole] = await runSegment(engine, model, tail, crossing)
    const parts = crossing.map((value) => encoder.encode(value))
    const ask = () =>
      exchange.request({
        worker: 'w',
        wound,
        codec: 'float32',
        parts,
        work: { decode: 'features', decodeMs: 0, tailMs: 1 },
        timeLeftMs: patienceMs,
        returnMs: 0,
        signal: AbortSignal.timeout(patienceMs),
        outputShapes: [[1, 1000]],
        onFrame: () => undefined,
        onArrived: () => undefined,
      })
    made.push({ ask, whole: whole!.data })
  }
  return made
}

// float16 has 11 binary digits.
const tolerance = 5e-4

test('a burst at one wound is finished in batches, and each request gets its own result', async () => {
  const wound = 'block_6_project_BN'
  const asked = await patients(wound)
  const burst = Array.from({ length: 20 }, (_, i) => asked[i % asked.length]!)
  const answers = await Promise.all(burst.map(({ ask }) => ask()))
  for (const [i, { values }] of answers.entries())
    expect(maxAbsDiff(values[0]!.data, burst[i]!.whole)).toBeLessThan(tolerance)
  expect(maxAbsDiff(asked[0]!.whole, asked[1]!.whole)).toBeGreaterThan(0.1)

  const served = reports.filter((report) => report.said === 'serving')
  const sizes = served.map(({ requests }) => requests)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(20)
  expect(Math.max(...sizes)).toBeGreaterThan(1)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(4)
  expect(new Set(served.map(({ segments }) => segments.join()))).toEqual(new Set([`${wound}..`]))
  expect(faults).toEqual([])
})

test.each(['block_3_project_BN', 'block_1_project_BN+block_2_depthwise_relu'])(
  'a cold wound is served from the segments until its tail is compiled, then from the tail: %s',
  async (wound) => {
    const [patient] = await patients(wound)
    reports.length = 0
    const isCompiled = () => reports.some((report) => report.said === 'a tail was compiled')
    const check = async () => {
      const { values } = await patient!.ask()
      expect(maxAbsDiff(values[0]!.data, patient!.whole)).toBeLessThan(tolerance)
    }
    // Some while it is compiled: the second is on its way before the first is done.
    do await Promise.all([check(), check()])
    while (!isCompiled())
    await check()

    const at = reports.findIndex((report) => report.said === 'a tail was compiled')
    const keys = (part: readonly Report[]) =>
      part.flatMap((report) => (report.said === 'serving' ? [report.segments] : []))
    expect(reports[at]).toMatchObject({ wound })
    expect(keys(reports.slice(0, at)).length).toBeGreaterThan(0)
    for (const segments of keys(reports.slice(0, at))) {
      expect(segments.length).toBeGreaterThan(1)
      expect(segments[0]).toBe(`${wound}..block_6_project_BN`)
      expect(segments.at(-1)).toMatch(/\.\.local$/)
    }
    expect(keys(reports.slice(at + 1)).length).toBeGreaterThan(0)
    for (const segments of keys(reports.slice(at + 1))) expect(segments).toEqual([`${wound}..`])
    expect(faults).toEqual([])
  },
)
