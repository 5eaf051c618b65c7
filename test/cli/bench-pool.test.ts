import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { Crowd } from '../../bench/pool/measure-crowd.ts'
import { repositoryRoot } from '../paths.ts'

const surgeon = fileURLToPath(new URL('dist/cli/surgeon.js', repositoryRoot))

test('surgeon bench pool: a small crowd is answered, and nothing is lost or answered twice', async () => {
  const options = [
    '--agents',
    '10',
    '--workers',
    '2',
    '--rate',
    '20',
    '--warm-up',
    '1',
    '--seconds',
    '1',
    '--models',
    '',
    '--json',
  ]
  const { stdout } = await promisify(execFile)(process.execPath, [surgeon, 'bench', 'pool', ...options])
  const { crowd, mixed } = JSON.parse(stdout) as { crowd: Crowd; mixed: unknown[] }
  expect(crowd).toMatchObject({ agents: 10, workers: 2, lost: 0, duplicates: 0 })
  expect(crowd.sent).toBeGreaterThan(10)
  const refused = Object.values(crowd.failures).reduce((sum, count) => sum + count, 0)
  expect(crowd.results + refused).toBe(crowd.sent)
  expect(crowd.cost === undefined || crowd.cost.agentMs > 0).toBe(true)
  expect(mixed).toEqual([])
})
