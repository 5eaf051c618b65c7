import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { agentConfigSchema } from '../../agent/config.ts'
import { workerConfigSchema } from '../../backend/config.ts'
import { repositoryRoot } from '../paths.ts'

const cwd = fileURLToPath(repositoryRoot)

test('docs/configuration.md and the schemas for editors are those of the source', async () => {
  await expect(
    promisify(execFile)(process.execPath, ['scripts/document-config.mjs', '--check'], { cwd }),
  ).resolves.toMatchObject({ stderr: '' })
})

test('docs/configuration.md has every key', async () => {
  const text = await readFile(new URL('docs/configuration.md', repositoryRoot), 'utf8')
  const keys = [...Object.keys(agentConfigSchema.shape), ...Object.keys(workerConfigSchema.shape)]
  expect(keys.length).toBeGreaterThan(25)
  expect(keys.filter((key) => !text.includes(`| \`${key}\``))).toEqual([])
})
