import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Agent } from '../../agent/agent.ts'
import { agentConfigSchema } from '../../agent/config.ts'
import type { ResultMessage } from '../../agent/request-message.ts'
import { workerConfigSchema } from '../../backend/config.ts'
import { BackendWorker } from '../../backend/worker.ts'
import { deferred } from '../../src/async/deferred.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { deviceTopic } from '../../src/transport/topics.ts'
import { startBroker } from '../brokers/start-broker.ts'
import type { TestBroker } from '../brokers/test-broker.ts'
import { askUntil } from '../end-to-end/ask-until.ts'
import { bundledPhoto } from '../model-input.ts'
import { patienceMs } from '../patience.ts'

const faults: string[] = []
const log = (level: string, message: string, fields?: unknown) => {
  if (level === 'error') faults.push(`${message} ${JSON.stringify(fields)}`)
}
let broker: TestBroker
let mqtt: { url: string }
let agent: Agent
let client: MqttSession
let answer: (message: ResultMessage) => void = () => undefined

beforeAll(async () => {
  broker = await startBroker()
  mqtt = { url: broker.url }
  const stateDirectory = await mkdtemp(join(tmpdir(), 'surgeon-fixed-'))
  const compiledCache = { directory: join(stateDirectory, 'compiled') }
  const wound = 'block_6_project_BN'
  const config = { device: 'pi', mqtt, model: 'mobilenetv2', stateDirectory, compiledCache, wound }
  agent = new Agent(agentConfigSchema.parse(config), log)
  await agent.start()
  client = new MqttSession({ ...mqtt, clientId: 'client', log })
  const { promise: online, resolve } = deferred<void>()
  client.onState(({ kind }) => kind === 'online' && resolve())
  client.start()
  await online
  await client.subscribe(deviceTopic('pi', 'result'), ({ payload }) =>
    answer(JSON.parse(Buffer.from(payload).toString()) as ResultMessage),
  )
})

afterAll(async () => {
  await client.stop()
  await agent.stop()
  await broker.stop()
})

async function ask(): Promise<ResultMessage> {
  const { promise, resolve } = deferred<ResultMessage>()
  answer = resolve
  const payload = await readFile(bundledPhoto('cat'))
  await client.publish(deviceTopic('pi', 'input'), payload, { qos: 1, timeoutMs: patienceMs })
  return promise
}

test('Agent with a fixed wound holds the head alone: it needs a worker, and the worker finishes', async () => {
  expect(await ask()).toMatchObject({ ok: false, error: { code: 'no-worker' } })

  const stateDirectory = await mkdtemp(join(tmpdir(), 'surgeon-fixed-'))
  const worker = new BackendWorker(
    workerConfigSchema.parse({
      worker: 'w',
      mqtt,
      models: ['mobilenetv2'],
      stateDirectory,
      compiledCache: { directory: join(stateDirectory, 'compiled') },
    }),
    log,
  )
  try {
    await worker.start()
    const result = await askUntil(ask, () => true)
    expect(result).toMatchObject({
      finishedAt: 'worker',
      plan: { wound: 'block_6_project_BN', worker: 'w' },
    })
    expect(result.top!.map(({ label }) => label)).toContain('Egyptian cat')
  } finally {
    await worker.stop()
  }
  expect(faults).toEqual([])
})
