import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { withEnvironment } from '../../src/config/environment.ts'
import { readSecret } from '../../src/config/secret-file.ts'

afterEach(() => vi.unstubAllEnvs())

test('the environment replaces what a file says, and nothing else', () => {
  const document = { mqtt: { url: 'mqtt://a:1', username: 'me' }, threads: 1 }
  const environment = {
    SURGEON__mqtt__url: 'mqtt://b:2',
    SURGEON__threads: '4',
    SURGEON__dashboard: 'false',
    SURGEON_MOSQUITTO: 'x',
  }
  expect(withEnvironment(document, environment)).toEqual({
    mqtt: { url: 'mqtt://b:2', username: 'me' },
    threads: 4,
    dashboard: false,
  })
  expect(document.threads).toBe(1)
})

test('a secret is the first line of a file, or of a systemd credential', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'surgeon-secret-'))
  try {
    await writeFile(join(folder, 'broker'), 'horse battery\nstaple\n')
    expect(readSecret(join(folder, 'broker'))).toBe('horse battery')
    vi.stubEnv('CREDENTIALS_DIRECTORY', folder)
    expect(readSecret('broker')).toBe('horse battery')
    expect(() => readSecret('other')).toThrow(/ENOENT/)
  } finally {
    await rm(folder, { recursive: true })
  }
})
