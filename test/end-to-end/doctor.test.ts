import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAgent, createWorker } from '../../api/surgeon.ts'
import type { Finding } from '../../cli/doctor/finding.ts'
import { freePort } from '../../lab/free-port.ts'
import { startEmbedded } from '../brokers/embedded.ts'
import type { TestBroker } from '../brokers/test-broker.ts'
import { runSurgeon } from '../run-surgeon.ts'

let folder: string
let broker: TestBroker

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-doctor-'))
  broker = await startEmbedded()
})
afterAll(async () => {
  await broker.stop()
  await rm(folder, { recursive: true })
})

async function written(name: string, settings: object): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, JSON.stringify(settings))
  return path
}

async function examined(settings: object): Promise<{ code: number; findings: Finding[] }> {
  const { code, out } = await runSurgeon(
    'doctor',
    '--config',
    await written('examined.yaml', settings),
    '--json',
  )
  return { code, findings: (JSON.parse(out) as { findings: Finding[] }).findings }
}

const agentSettings = (changes: object = {}) => ({
  device: 'pi-1',
  mqtt: { url: broker.url },
  model: 'mobilenetv2',
  stateDirectory: join(folder, 'state'),
  compiledCache: { directory: join(folder, 'cache') },
  dashboard: false as const,
  ...changes,
})
const named = (findings: readonly Finding[], about: string) => findings.filter((one) => one.about === about)

test('surgeon doctor asks a running agent, and finds its workers', async () => {
  const dashboard = { port: await freePort() }
  const settings = agentSettings({ dashboard })
  const worker = createWorker({
    worker: 'pool-1',
    mqtt: { url: broker.url },
    models: ['mobilenetv2'],
    stateDirectory: join(folder, 'worker'),
    compiledCache: { directory: join(folder, 'cache') },
  })
  const agent = createAgent(settings)
  try {
    await Promise.all([worker.start(), agent.start()])
    // The announcement may still be on its way, and the agent too busy to say anything in time.
    let findings: Finding[] = []
    const code = async () => {
      const all = await examined(settings)
      findings = all.findings
      return all.code
    }
    await expect.poll(code).toBe(0)
    expect(named(findings, 'agent')).toMatchObject([
      { verdict: 'good', found: expect.stringContaining('It has run') },
    ])
    expect(named(findings, 'worker')).toMatchObject([
      { verdict: 'good', found: expect.stringMatching(/^pool-1 serves the model, version \d/) },
    ])
    const text = await runSurgeon('doctor', '--config', await written('agent.yaml', settings))
    expect(text.out).toMatch(/ok +mqtt +The agent is connected to mqtt:/)
  } finally {
    await agent.stop()
    await worker.stop()
  }
})

test('surgeon doctor tries everything itself where no agent runs: here no worker is there', async () => {
  const { code, findings } = await examined(agentSettings())
  expect(code).toBe(1)
  expect(named(findings, 'engine')).toMatchObject([{ verdict: 'good' }])
  expect(named(findings, 'mqtt rights')).toMatchObject([{ verdict: 'good' }])
  expect(findings.filter(({ verdict }) => verdict === 'bad')).toMatchObject([
    { about: 'workers', mend: expect.stringContaining('surgeon worker') },
  ])
})

test('surgeon doctor says how to mend each fault, all in one go', async () => {
  const settings = agentSettings({
    mqtt: { url: 'mqtt://127.0.0.1:1' },
    pool: { url: 'mqtts://127.0.0.1:1', ca: '/nowhere/ca.pem' },
    model: 'mobilenetv3',
    stateDirectory: '/proc/version/state',
    threads: 64,
  })
  const { code, findings } = await examined(settings)
  expect(code).toBe(1)
  expect(findings.filter(({ mend }) => mend !== undefined)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ about: 'threads', verdict: 'warning' }),
      expect.objectContaining({
        about: 'state',
        verdict: 'bad',
        mend: expect.stringContaining('stateDirectory'),
      }),
      expect.objectContaining({ about: 'pool files', verdict: 'bad' }),
      expect.objectContaining({
        about: 'model',
        verdict: 'bad',
        mend: expect.stringContaining('surgeon models'),
      }),
    ]),
  )
})

test('surgeon doctor says why a broker is not reached', async () => {
  const { findings } = await examined(agentSettings({ mqtt: { url: 'mqtt://127.0.0.1:1' } }))
  expect(named(findings, 'mqtt')).toEqual([
    {
      about: 'mqtt',
      verdict: 'bad',
      found: expect.stringContaining('ECONNREFUSED'),
      mend: 'Start the broker; nothing listens at 127.0.0.1:1.',
    },
  ])
})

test('surgeon doctor looks at a worker as well, and a configuration that is none is code 78', async () => {
  const worker = { worker: 'pool-1', mqtt: { url: broker.url }, models: ['mobilenetv2'] }
  const { code, findings } = await examined({ ...worker, stateDirectory: join(folder, 'worker') })
  expect(code).toBe(0)
  expect(named(findings, 'model')).toMatchObject([{ found: expect.stringContaining('mobilenetv2, hash ') }])
  expect(await runSurgeon('doctor', '--config', await written('bad.yaml', { device: 'pi-1' }))).toMatchObject(
    { code: 78 },
  )
  expect(await runSurgeon('doctor')).toMatchObject({ code: 64 })
})
