import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { agentConfigSchema } from '../../agent/config.ts'
import { modelsOf, type ServedStream, startModels } from '../../agent/edge-models.ts'
import { inputStreams } from '../../agent/input-streams.ts'
import { workerConfigSchema } from '../../backend/config.ts'
import { ServedModel } from '../../backend/served-model.ts'
import { ReleaseStack } from '../../src/async/release-stack.ts'
import {
  classifier,
  openBatch,
  openWindow,
  sensor,
  smallModel,
  stateful,
} from '../model-graph/onnx/small-models.ts'
import { repositoryRoot } from '../paths.ts'

let folder: string
let small: string
const stops = new ReleaseStack()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-edge-models-'))
  small = await smallModel('small', classifier)
})
afterAll(async () => {
  await stops.releaseAll()
  await rm(folder, { recursive: true, force: true })
})

function started(streams: readonly object[]): Promise<ServedStream[]> {
  const config = agentConfigSchema.parse({
    device: 'pi',
    mqtt: { url: 'mqtt://127.0.0.1:1' },
    model: 'mobilenetv2',
    stateDirectory: folder,
    compiledCache: { directory: join(folder, 'compiled') },
    streams,
  })
  return startModels(config, inputStreams(config), stops, () => undefined)
}

test('startModels() has each model once, whatever its names, and nothing of one that is only asked in doubt', async () => {
  const path = fileURLToPath(new URL('models/mobilenetv2', repositoryRoot))
  const served = await started([
    { name: 'porch' },
    { name: 'yard', model: path, cascade: { model: 'of workers', below: 0.5 } },
  ])
  const [porch, yard] = served
  expect(yard!.model).toBe(porch!.model)
  expect(modelsOf(served)).toEqual([porch!.model])
  expect(porch!.model.setup).toMatchObject({ workersOf: porch!.model.hash, wound: undefined })
})

test('startModels() tells models of one name apart by their hashes', async () => {
  const other = await smallModel('small', openBatch)
  const served = await started([
    { name: 'porch', model: small },
    { name: 'yard', model: other },
  ])
  const names = served.map(({ model }) => model.name)
  expect(names).toEqual(served.map(({ model }) => `small ${model.hash.slice(0, 8)}`))
  expect(new Set(names).size).toBe(2)
})

test('startModels() closes what a file leaves open, and has a constant for an input, as agent and worker are told', async () => {
  const model = await smallModel('open', openWindow)
  const told = { model, inputShapes: { window: [1, 6] }, inputValues: { gain: 3 } }
  const [own] = await started([{ name: 'window', model: told }])
  const { graph, hash } = own!.model.model
  expect(graph.inputs.map((id) => graph.tensors[id]!.shape)).toEqual([[6]])
  const reply = await own!.model.edge.inference.run({
    request: 'whole',
    segments: own!.model.setup.chain.segments.map(({ key }) => key),
    input: {
      kind: 'values',
      tensors: graph.inputs,
      values: [{ shape: [1, 6], data: Float32Array.of(-1, 0, 1, 2, 3, 4) }],
    },
    output: graph.outputs,
    keep: false,
    values: true,
  })
  expect([...reply.values[0]!.data]).toEqual([0, 0, 3, 6, 9, 12])
  const config = workerConfigSchema.parse({
    worker: 'w',
    mqtt: { url: 'mqtt://127.0.0.1:1' },
    models: [told],
    stateDirectory: folder,
    compiledCache: { directory: join(folder, 'compiled') },
  })
  const served = new ServedModel(config.models[0]!, config, () => undefined)
  stops.add(() => served.stop())
  await served.start()
  expect(served.hash).toBe(hash)
})

test('startModels() refuses a cascade after a model that does not say how sure it is, before anything is started', async () => {
  const values = await smallModel('values', sensor)
  const manifest = { name: 'values', input: { kind: 'values', shape: [64, 3] }, output: { kind: 'values' } }
  await writeFile(join(values, 'surgeon.json'), JSON.stringify(manifest))
  const cascade = { model: 'of workers', below: 1 }
  await expect(started([{ name: 'window', model: values, cascade }])).rejects.toThrow(
    'Cannot serve stream window: cascade must be left out, as answers of kind values do not say how sure the model is',
  )
})

test('startModels() has each input of a model with state computed', async () => {
  const recurrent = await smallModel('recurrent', stateful)
  const manifest = {
    name: 'recurrent',
    input: { kind: 'values', shape: [6] },
    state: { h: 'hn' },
    output: { kind: 'values' },
  }
  await writeFile(join(recurrent, 'surgeon.json'), JSON.stringify(manifest))
  const unchanged = { difference: 1 }
  await expect(started([{ name: 'window', model: recurrent, unchanged }])).rejects.toThrow(
    'Cannot serve stream window: unchanged must be left out, as its model keeps state from one input to the next',
  )
})
