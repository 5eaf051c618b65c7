import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agentConfigSchema } from '../../agent/config.ts'
import { workerConfigSchema } from '../../backend/config.ts'
import { allAgentFaults, allWorkerFaults } from '../../cli/all-config-faults.ts'
import { agentFaults, workerFaults } from '../../cli/config-faults.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { repositoryRoot } from '../paths.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-faults-'))
})
afterAll(() => rm(folder, { recursive: true }))

const good = { device: 'pi-1', mqtt: { url: 'mqtt://127.0.0.1:1' }, model: 'mobilenetv2' }

async function fileOf(config: object): Promise<string> {
  const file = join(folder, 'agent.yaml')
  await writeFile(file, JSON.stringify({ ...good, stateDirectory: folder, ...config }))
  return file
}

const faulty: [field: string, config: object][] = [
  ...['home/', '/home', 'a//b', 'home/#', 'x+y', '$share/x'].map((topicPrefix): [string, object] => [
    'topicPrefix',
    { topicPrefix },
  ]),
  ['reprofile', { reprofile: 'nonsense' }],
  ['inputCodecs.0', { inputCodecs: ['jpg:90'] }],
  ['inputCodecs.0', { inputCodecs: ['jpeg:200'] }],
  ['inputCodecs', { inputCodecs: [], policy: 'input' }],
  ['wound', { wound: 'no-such-layer' }],
  ['wound', { wound: 'block_6_project_BN', policy: 'local' }],
  ['wound', { wound: 'block_6_project_BN', policy: 'input' }],
  ['limits.requestMs', { limits: { requestMs: 3_000_000_000 } }],
  ['model', { model: '/nowhere' }],
  ['model', { model: { model: 'mobilenetv2', inputShapes: { photo: [1, 3, 8, 8] } } }],
  ['model', { model: { model: 'resnet50', weights: 'random', inputValues: { gain: 1 } } }],
  ['mqtt.url', { mqtt: { url: 'mqtt://' } }],
  ['streams.1.input', { streams: [{ name: 'a' }, { name: 'b', input: 'surgeon/device/+/result/#' }] }],
  ['streams.0.input', { streams: [{ name: 'a', input: '#' }] }],
  ['streams.0.cascade.model', { streams: [{ name: 'a', cascade: { model: 'mobilenetv2', below: 0.5 } }] }],
  ['mqtt', { mqtt: { url: 'mqtts://127.0.0.1:1', ca: '/nowhere.pem' } }],
  ['mqtt.cert', { mqtt: { url: 'mqtts://127.0.0.1:1', cert: '/nowhere.pem' } }],
  ['mqtt.url', { mqtt: { url: 'mqtt://127.0.0.1:1', ca: '/nowhere.pem' } }],
  ['mqtt.url', { mqtt: { url: 'mqtt://127.0.0.1:1?clientId=zzz' } }],
  ['mqtt.url', { mqtt: { url: 'mqtt://me:secret@127.0.0.1:1' } }],
  ['mqtt.url', { mqtt: { url: 'mqtt://127.0.0.1:1/tmp/socket' } }],
]

describe('agentFaults', () => {
  test.for(faulty)('names %s of %j', async ([field, config]) => {
    const fault = loadConfig(await fileOf(config), agentConfigSchema, agentFaults)
    await expect(fault).rejects.toThrow(`\n  ${field}: `)
  })

  test.for([
    { topicPrefix: 'wohn zimmer/küche' },
    { wound: 'block_6_project_BN' },
    { mqtt: { url: 'wss://broker.example/mqtt/path' } },
    { inputCodecs: ['jpeg:90@160', 'webp:80'] },
    {
      streams: [
        { name: 'a', input: 'surgeon/device/pi-1/input/#' },
        { name: 'b', input: 'door' },
      ],
    },
  ])('passes %j', async (config) => {
    expect(await loadConfig(await fileOf(config), agentConfigSchema, agentFaults)).toMatchObject({
      device: 'pi-1',
    })
  })

  test('reports faults of several files together', async () => {
    const file = await fileOf({ model: '/nowhere', pool: { url: 'mqtts://b:1', ca: '/nowhere.pem' } })
    await expect(loadConfig(file, agentConfigSchema, agentFaults)).rejects.toThrow(/pool: .*\n {2}model: /)
  })
})

describe('allAgentFaults', () => {
  test('names models that cannot be read or do what is asked of them, and places that are something else', async () => {
    const broken = join(folder, 'broken.onnx')
    await writeFile(broken, 'no model')
    const config = {
      stateDirectory: broken,
      compiledCache: { directory: broken },
      records: { path: folder },
      streams: [
        { name: 'a', model: broken },
        { name: 'b', model: 'activity', unchanged: { difference: 1 }, cascade: { model: 'm', below: 0.5 } },
      ],
    }
    const file = await fileOf(config)
    expect(await loadConfig(file, agentConfigSchema, agentFaults)).toMatchObject({ records: config.records })
    const told = loadConfig(file, agentConfigSchema, allAgentFaults)
    await expect(told).rejects.toThrow(
      /\n {2}streams\.0\.model: .*\n {2}stateDirectory: .*\n {2}compiledCache\.directory: .*\n {2}records\.path: /,
    )
  })
})

describe('workerFaults', () => {
  test('names a model that is given twice, and all of them one that cannot be read', async () => {
    const broken = join(folder, 'broken.onnx')
    await writeFile(broken, 'no model')
    const of = (models: string[]) =>
      workerConfigSchema.parse({ worker: 'w', mqtt: good.mqtt, models, stateDirectory: folder })
    expect(await workerFaults(of(['mobilenetv2', 'activity', 'mobilenetv2']))).toEqual([
      'models.2: must be another than models.0',
    ])
    expect(await workerFaults(of([broken]))).toEqual([])
    expect(await allWorkerFaults(of([broken, 'activity']))).toEqual([expect.stringMatching(/^models\.0: /)])
  })
})

const program = fileURLToPath(new URL('dist/cli/surgeon.js', repositoryRoot))

test.for(['--check-config', '--config'])(
  'surgeon agent %s FILE ends with 78 where the file is wrong',
  async (option) => {
    const file = await fileOf({ reprofile: 'nonsense' })
    const code = await new Promise((resolve) =>
      execFile(process.execPath, [program, 'agent', option, file], (error) => resolve(error?.code)),
    )
    expect(code).toBe(78)
  },
)
