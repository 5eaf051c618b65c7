import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const entry = fileURLToPath(new URL('./resident-memory.js', import.meta.url))

async function residentMb(...args: string[]): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [entry, ...args])
  return Number(stdout) / 1e6
}

test('a head holds its own weights only: VGG19 cut after block3_pool stays below 200 MB, whole it needs over 600', async () => {
  expect(await residentMb('vgg19', 'block3_pool', 'head')).toBeLessThanOrEqual(200)
  expect(await residentMb('vgg19', 'block3_pool', 'whole')).toBeGreaterThan(600)
}, 120_000)
