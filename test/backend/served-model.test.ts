import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Finished } from '../../backend/measure-tails.ts'
import { ServedModel } from '../../backend/served-model.ts'
import { featureCodec } from '../../src/codec/feature-codecs.ts'
import { encodeInput } from '../../src/codec/image-codecs.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { runSegment } from '../../src/executor/parity.ts'
import { cut } from '../../src/model-graph/cut.ts'
import { findWound } from '../../src/model-graph/find-wound.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { requirePicture } from '../../src/model-graph/manifest.ts'
import type { Model } from '../../src/model-graph/model.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import { bundledPhoto, maxAbsDiff, photoInput } from '../model-input.ts'
import { repositoryRoot } from '../paths.ts'
import { serveModel } from './serve-model.ts'

const source = fileURLToPath(new URL('models/mobilenetv2', repositoryRoot))
const photos = ['cat', 'coffee', 'rocket']
let model: Model
let inputs: TensorValue[]
let served: ServedModel
const faults: unknown[] = []

function serve(tailBytes: number): Promise<ServedModel> {
  return serveModel(source, { limits: { tailBytes } }, (level, message, fields) => {
    if (level === 'warn' || level === 'error') faults.push([message, fields])
  })
}

beforeAll(async () => {
  model = await loadModel(source)
  inputs = await Promise.all(photos.map((name) => photoInput(bundledPhoto(name), model.manifest)))
  served = await serve(64 << 20)
})

afterAll(() => served.stop())

/** What crosses at a wound for each photo, and the whole model's answers. */
async function crossing(wound: string): Promise<{ parts: Uint8Array[][]; answers: Float32Array[] }> {
  const engine = await loadEngine('onnxruntime')
  const { head, tail } = cut(model.graph, findWound(model.graph, wound))
  const encoder = featureCodec('float32')
  const parts: Uint8Array[][] = []
  const answers: Float32Array[] = []
  for (const input of inputs) {
    const values = await runSegment(engine, model, head, [input])
    parts.push(values.map((value) => encoder.encode(value)))
    answers.push((await runSegment(engine, model, tail, values))[0]!.data)
  }
  return { parts, answers }
}

function probabilities({ encoded }: Finished): Float32Array {
  return featureCodec('float16').decode(encoded[0]!.bytes, encoded[0]!.shape).data
}

// float16 has 11 binary digits.
const tolerance = 5e-4

test.each([
  ['a border of the chain', 'block_6_project_BN'],
  ['another wound', 'block_3_project_BN'],
  ['a wound of two tensors', 'block_1_project_BN+block_2_depthwise_relu'],
  ['a wound behind the last border', 'global_average_pooling2d_1'],
])('ServedModel: a batch at %s gives each its own result, equal to single runs', async (_, wound) => {
  const { parts, answers } = await crossing(wound)
  const prepare = () =>
    Promise.all(parts.map((each) => served.prepare({ wound, codec: 'float32', parts: each })))
  const together = await served.finish(await prepare())
  expect(together.length).toBe(photos.length)
  const singles: Finished[] = []
  for (const request of await prepare()) singles.push(...(await served.finish([request])))
  for (const [i, answer] of answers.entries()) {
    expect(maxAbsDiff(probabilities(together[i]!), answer)).toBeLessThan(tolerance)
    expect(maxAbsDiff(probabilities(singles[i]!), probabilities(together[i]!))).toBeLessThan(1e-4)
  }
  expect(maxAbsDiff(answers[0]!, answers[1]!)).toBeGreaterThan(0.1)
})

test('ServedModel: without room for a single tail every wound is served from the segments', async () => {
  const lean = await serve(1)
  try {
    expect(lean.tails.size).toBe(served.tails.size)
    const { parts, answers } = await crossing('block_3_project_BN')
    const request = await lean.prepare({ wound: 'block_3_project_BN', codec: 'float32', parts: parts[0]! })
    const [finished] = await lean.finish([request])
    expect(maxAbsDiff(probabilities(finished!), answers[0]!)).toBeLessThan(tolerance)
  } finally {
    await lean.stop()
  }
})

test('ServedModel: finishes from raw pixels as from the picture, and knows what decoding one takes', async () => {
  const bytes = await readFile(bundledPhoto('cat'))
  const pixels = await encodeInput(bytes, requirePicture(model.manifest), { kind: 'raw' })
  const sent = [
    ['received', bytes],
    ['raw', pixels],
  ] as const
  const requests = sent.map(([codec, image]) => served.prepare({ wound: 'input', codec, parts: [image] }))
  const [received, raw] = await served.finish(await Promise.all(requests))
  expect(probabilities(raw!)).toEqual(probabilities(received!))
  expect(served.pictureMs).toBeGreaterThan(0)
  expect(served.pictureMs).toBeLessThan(served.tailMs('input'))
})

test('ServedModel: refuses unknown wounds and parts that do not fit', async () => {
  await expect(served.prepare({ wound: 'nowhere', codec: 'float32', parts: [] })).rejects.toMatchObject({
    code: 'unknown-wound',
  })
  await expect(served.prepare({ wound: 'local', codec: 'float32', parts: [] })).rejects.toMatchObject({
    code: 'unknown-wound',
  })
  const part = new Uint8Array(4 * 64 * 14 * 14)
  await expect(
    served.prepare({ wound: 'block_6_project_BN', codec: 'float32', parts: [part, part] }),
  ).rejects.toMatchObject({
    code: 'bad-input',
  })
  expect(faults).toEqual([])
})
