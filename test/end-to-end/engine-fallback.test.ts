import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { cameraFrames } from '../../lab/demo/camera.ts'
import { deviceTopic } from '../../src/transport/topics.ts'
import { startEmbedded } from '../brokers/embedded.ts'
import { noXnnpack, xnnpackWhereInstalled } from '../executor/xnnpack-setup.ts'
import { repositoryRoot } from '../paths.ts'
import { askUntil, byWorker } from './ask-until.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

/** Loaded into a process and all its threads first: a package that does not load, memory that WebAssembly does not get. */
const broken = {
  native: `
    const { Module } = require('node:module')
    const resolve = Module._resolveFilename
    Module._resolveFilename = function (name, ...rest) {
      if (name === 'onnxruntime-node') throw new Error('no build for this machine')
      return resolve.call(this, name, ...rest)
    }`,
  webAssembly: `
    for (const name of ['instantiate', 'instantiateStreaming', 'compile'])
      WebAssembly[name] = () => Promise.reject(new RangeError('WebAssembly is out of memory'))`,
} as const

async function environmentWith(...faults: (keyof typeof broken)[]): Promise<Record<string, string>> {
  const file = join(folder, 'broken.cjs')
  await writeFile(file, faults.map((fault) => `{ ${broken[fault]} }`).join('\n'))
  // TensorFlow.js is looked for in the cache directory.
  return { NODE_OPTIONS: `--require ${file}`, XDG_CACHE_HOME: folder }
}

const isInstalled = (await xnnpackWhereInstalled()) !== undefined

let running: EndToEnd
let folder: string
afterEach(async () => {
  await running.close()
  await rm(folder, { recursive: true, force: true })
})

async function begin(): Promise<Uint8Array> {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-fallback-'))
  running = await endToEnd(startEmbedded)
  const [frame] = await cameraFrames(1)
  return frame!.bytes
}

/** The first recurrent network that TensorFlow.js has recorded, as a folder with a manifest. */
async function recurrentModel(folder: string): Promise<string> {
  const recorded = JSON.parse(
    await readFile(new URL('test/model-graph/tfjs-layers.json', repositoryRoot), 'utf8'),
  ) as { name: string; modelTopology: unknown; weightSpecs: unknown[]; weights: string }[]
  const { modelTopology, weightSpecs, weights } = recorded.find(({ name }) => name === 'lstm')!
  const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }]
  const manifest = { name: 'lstm', input: { kind: 'values', shape: [12, 3] }, output: { kind: 'values' } }
  const topology = { format: 'layers-model', modelTopology, weightsManifest }
  await writeFile(join(folder, 'model.json'), JSON.stringify(topology))
  await writeFile(join(folder, 'surgeon.json'), JSON.stringify(manifest))
  await writeFile(join(folder, 'weights.bin'), Buffer.from(weights, 'base64'))
  return folder
}

/** Its twelve steps of three values. */
const steps = Buffer.from(JSON.stringify(Array.from({ length: 12 }, () => [0.5, -0.5, 0.25])))

const isOnline = (text: string): boolean => text.includes('online')

async function healthOf(device: string): Promise<unknown> {
  return JSON.parse(await running.message(deviceTopic(device, 'metrics'), () => true))
}

describe('agent and worker whose engine cannot be used', () => {
  test('an engine that is not set up: both go on with another, answer, and say so', async () => {
    const photo = await begin()
    const { start, message, ask } = running
    const environment = await environmentWith()
    await start('worker', { worker: 'pool', engine: 'tensorflow' }, environment)
    await start('agent', { device: 'pi', engine: 'tensorflow', lab: { edgeSlowdown: 12 } }, environment)
    const state = JSON.parse(
      await message(stateTopic.agent('pi'), (text) => text.includes('online')),
    ) as object
    const reason = expect.stringMatching(
      /^tensorflow: Cannot load engine tensorflow: .*npm run setup:tensorflow/,
    ) as string
    expect(state).toMatchObject({
      engine: 'onnxruntime',
      engineConfigured: 'tensorflow',
      engineReason: reason,
    })
    expect(await healthOf('pi')).toMatchObject({ engine_fallback: 1 })
    const announced = await message(stateTopic.worker('pool'), (text) => text !== '')
    const [model] = (JSON.parse(announced) as { models: object[] }).models
    expect(model).toMatchObject({ engine: { configured: 'tensorflow', used: 'onnxruntime', reason } })
    for (let n = 0; n < 4; n++) expect(await ask('pi', photo)).toMatchObject({ ok: true })
    await askUntil(() => ask('pi', photo), byWorker)
  })

  test('an engine that cannot compute a layer: named so or chosen from all, another answers', async ({
    skip,
  }) => {
    skip(!isInstalled, noXnnpack)
    await begin()
    const { start, message, ask } = running
    const models = [await recurrentModel(folder)]
    await start('worker', { worker: 'pool', engine: 'xnnpack', models })
    await start('agent', { device: 'pi', engine: 'xnnpack', model: models[0] })
    await start('agent', { device: 'auto', engine: 'auto', model: models[0] })
    const reason = expect.stringMatching(
      /xnnpack: Cannot compile .*: engine xnnpack must know class LSTM of '\w+'/,
    ) as string
    const used = expect.stringMatching(/^(onnxruntime|wasm)$/) as string
    const state = JSON.parse(await message(stateTopic.agent('pi'), isOnline)) as object
    expect(state).toMatchObject({ engine: used, engineConfigured: 'xnnpack', engineReason: reason })
    const chosen = JSON.parse(await message(stateTopic.agent('auto'), isOnline)) as object
    expect(chosen).toMatchObject({ engine: used, engineConfigured: 'auto' })
    expect(chosen).not.toHaveProperty('engineReason')
    const announced = await message(stateTopic.worker('pool'), (text) => text !== '')
    const [model] = (JSON.parse(announced) as { models: object[] }).models
    expect(model).toMatchObject({ engine: { configured: 'xnnpack', used, reason } })
    for (const device of ['pi', 'auto']) expect(await ask(device, steps)).toMatchObject({ ok: true })
  })

  test('a machine without the native engine goes on with WebAssembly', async () => {
    await begin()
    const environment = await environmentWith('native')
    await running.start('agent', { device: 'pi', policy: 'local', model: 'activity' }, environment)
    await running.message(stateTopic.agent('pi'), (text) => text.includes('"engine":"wasm"'))
    expect(await healthOf('pi')).toMatchObject({ engine_fallback: 1 })
    const window = Buffer.from(JSON.stringify(Array.from({ length: 64 }, () => [0, 0, 9.81])))
    expect(await running.ask('pi', window)).toMatchObject({ ok: true, finishedAt: 'edge' })
  })

  test('without any engine every input goes to a worker, once there is one', async () => {
    const photo = await begin()
    const environment = await environmentWith('native', 'webAssembly')
    await running.start('agent', { device: 'pi' }, environment)
    const state = await running.message(stateTopic.agent('pi'), (text) => text.includes('"engine":"none"'))
    expect(JSON.parse(state)).toMatchObject({
      engineConfigured: 'onnxruntime',
      engineReason: expect.stringMatching(
        /onnxruntime: .*no build for this machine.*; wasm: .*out of memory/,
      ) as string,
    })
    expect(await healthOf('pi')).toMatchObject({ engine_fallback: 1 })
    expect(await running.ask('pi', photo)).toMatchObject({ ok: false, error: { code: 'no-worker' } })
    await running.start('worker', { worker: 'pool' })
    await running.message(stateTopic.worker('pool'), (text) => text !== '')
    const answer = await askUntil(
      () => running.ask('pi', photo),
      () => true,
    )
    expect(answer).toMatchObject({ finishedAt: 'worker', plan: { wound: 'input', worker: 'pool' } })
    expect(answer.top![0]!.probability).toBeGreaterThan(0.1)
  })
})
