import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { agentConfigSchema } from '../../agent/config.ts'
import { ConfigError, loadConfig } from '../../src/config/load-config.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'surgeon-config-'))
})
afterAll(() => rm(directory, { recursive: true }))

async function load(text: string) {
  const path = join(directory, 'agent.yaml')
  await writeFile(path, text)
  return loadConfig(path, agentConfigSchema)
}

test('loadConfig() fills in defaults and freezes', async () => {
  const config = await load('device: pi-1\nmqtt: { url: mqtt://127.0.0.1:1883 }\nmodel: mobilenetv2\n')
  expect(config.policy).toBe('surgeon')
  expect(config.limits.requests).toBe(64)
  expect(Object.isFrozen(config)).toBe(true)
})

test('loadConfig() reports every fault at once, unknown keys included', async () => {
  const fault = load('device: "a/b"\nmqtt: { url: http://x }\nmodle: mobilenetv2\n')
  await expect(fault).rejects.toThrow(ConfigError)
  await expect(fault).rejects.toThrow(/device: must be 1 to 64 characters/)
  await expect(fault).rejects.toThrow(/mqtt\.url: must be a URL such as mqtt:/)
  await expect(fault).rejects.toThrow(/modle/)
  await expect(fault).rejects.toThrow(/model: /)
})

test('loadConfig() names the file that is missing or not YAML', async () => {
  await expect(loadConfig(join(directory, 'none.yaml'), agentConfigSchema)).rejects.toThrow(/none\.yaml/)
  await expect(load('a: [1\nb')).rejects.toThrow(/it is not YAML/)
})
