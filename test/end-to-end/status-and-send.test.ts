import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAgent } from '../../api/surgeon.ts'
import { startEmbedded } from '../brokers/embedded.ts'
import type { TestBroker } from '../brokers/test-broker.ts'
import { repositoryRoot } from '../paths.ts'
import { runSurgeon } from '../run-surgeon.ts'

const cat = fileURLToPath(new URL('photos/cat.jpg', repositoryRoot))
let folder: string
let broker: TestBroker

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-status-'))
  broker = await startEmbedded()
})
afterAll(async () => {
  await broker.stop()
  await rm(folder, { recursive: true })
})

test('surgeon status tells who is there, and surgeon send prints the answer', async () => {
  expect(await runSurgeon('status', '--broker', broker.url)).toMatchObject({
    code: 1,
    out: expect.stringContaining('No agent has been here.'),
  })
  const settings = {
    device: 'pi-7',
    mqtt: { url: broker.url },
    model: 'mobilenetv2',
    policy: 'local' as const,
    dashboard: false as const,
    stateDirectory: join(folder, 'state'),
    compiledCache: { directory: join(folder, 'cache') },
  }
  const config = join(folder, 'agent.yaml')
  await writeFile(config, JSON.stringify(settings))
  const agent = createAgent(settings)
  await agent.start()
  try {
    const sent = await runSurgeon('send', cat, '--config', config)
    expect(sent).toMatchObject({ code: 0, err: '' })
    expect(sent.out).toMatch(/cat\.jpg: local, finished at the edge in \d+ ms[\s\S]*tiger cat/)
    const seen = await runSurgeon('status', '--config', config)
    expect(seen.code).toBe(0)
    expect(seen.out).toMatch(/pi-7 +online +mobilenetv2/)
    expect((await runSurgeon('status', '--broker', broker.url, '--device', 'pi-8')).code).toBe(1)
  } finally {
    await agent.stop()
  }
})

test('both say which broker is not reached', async () => {
  for (const command of [['status'], ['send', cat, '--timeout', '2', '--device', 'pi-7']])
    expect(await runSurgeon(...command, '--broker', 'mqtt://127.0.0.1:1')).toMatchObject({
      code: 1,
      err: expect.stringContaining('Cannot reach mqtt://127.0.0.1:1: '),
    })
})
