import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { resultCodec } from '../../backend/measure-tails.ts'
import { featureCodec } from '../../src/codec/feature-codecs.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { runSegment } from '../../src/executor/parity.ts'
import { randomInputs } from '../../src/executor/random-inputs.ts'
import { cut, wholeModel } from '../../src/model-graph/cut.ts'
import { findWound } from '../../src/model-graph/find-wound.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import type { FileParts } from '../model-graph/onnx/onnx-files.ts'
import {
  broken,
  classifier,
  detector,
  openBatch,
  sensor,
  smallModel,
} from '../model-graph/onnx/small-models.ts'
import { maxAbsDiff } from '../model-input.ts'
import { noSharedData, sharedData } from '../shared-data.ts'
import { serveModel } from './serve-model.ts'

/** How far the answers are from the whole file's, and how many may share a call, for every wound announced. */
async function servedWounds(
  source: string,
): Promise<{ wound: string; difference: number; batchLimit: number }[]> {
  const served = await serveModel(source)
  try {
    const model = await loadModel(source)
    const engine = await loadEngine('onnxruntime')
    const inputs = randomInputs(model, 7)
    const [whole] = await runSegment(engine, model, wholeModel(model.graph), inputs)
    const encoder = featureCodec('float32')
    const found = []
    for (const wound of served.tails.keys()) {
      const crossing = await runSegment(
        engine,
        model,
        cut(model.graph, findWound(model.graph, wound)).head,
        inputs,
      )
      const parts = crossing.map((each) => encoder.encode(each))
      const prepared = await served.prepare({ wound, codec: 'float32', parts })
      const [finished] = await served.finish([prepared])
      const { bytes, shape } = finished!.encoded[0]!
      const answer = featureCodec(resultCodec).decode(bytes, shape)
      const difference = maxAbsDiff(answer.data, whole!.data)
      found.push({ wound, difference, batchLimit: served.batchLimit(wound) })
    }
    return found
  } finally {
    await served.stop()
  }
}

test.each<[string, FileParts]>([
  ['a batch axis of 1', classifier],
  ['an open batch axis and a Reshape to one row', openBatch],
  ['boxes', detector],
  ['no picture and no manifest', sensor],
])('ServedModel: an ONNX file with %s is served at every wound, one request a call', async (_, parts) => {
  const wounds = await servedWounds(await smallModel('model', parts))
  expect(wounds.map(({ wound }) => wound)).toContain('input')
  for (const { difference, batchLimit } of wounds) {
    expect(difference).toBeLessThan(5e-3)
    expect(batchLimit).toBe(1)
  }
})

test('ServedModel: pictures are refused by a model that does not say how it wants them', async () => {
  const served = await serveModel(await smallModel('sensor', sensor))
  try {
    const part = new Uint8Array(10)
    await expect(served.prepare({ wound: 'input', codec: 'received', parts: [part] })).rejects.toMatchObject({
      code: 'bad-input',
    })
  } finally {
    await served.stop()
  }
})

test('ServedModel: a model that gives NaN does not start, and says which output it is', async () => {
  await expect(serveModel(await smallModel('broken', broken))).rejects.toThrow(/output 'p' must be numbers/)
})

const cases = sharedData('cases/models')

describe('ServedModel with files that failed once', () => {
  beforeEach(({ skip }) => skip(cases === undefined, noSharedData))

  test('worker-one-bad-model/bad does not, and says why', async () => {
    await expect(serveModel(join(cases!, 'worker-one-bad-model/bad'))).rejects.toThrow(
      /must be numbers, .* NaN/,
    )
  })

  test.each([
    'worker-start-onnx/f',
    'worker-start-onnx/open',
    'worker-one-bad-model/good',
    'sensor-window',
    'detector-raw-boxes',
    'grey-picture',
    'integers-cross',
    'labels-first',
    'size-from-value',
  ])('%s starts', async (name) => {
    const served = await serveModel(join(cases!, name))
    expect(served.tails.has('input')).toBe(true)
    await served.stop()
  })
})
