import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { Requests } from '../../bench/requests/measure-requests.ts'
import { repositoryRoot } from '../paths.ts'

const surgeon = fileURLToPath(new URL('dist/cli/surgeon.js', repositoryRoot))

test('surgeon bench requests: each plan is answered, and each thread has had its share', async ({ skip }) => {
  skip(!existsSync('/proc/self/schedstat'), 'threads are counted by /proc')
  const options = ['--rounds', '1', '--requests', '5', '--in-flight', '2', '--json']
  const { stdout } = await promisify(execFile)(process.execPath, [surgeon, 'bench', 'requests', ...options])
  const { engineMs, rows } = JSON.parse(stdout) as Requests
  expect(engineMs).toBeGreaterThan(0)
  const [local, received, features] = rows
  expect(local).toMatchObject({ plan: 'local', codec: 'none' })
  expect(received).toMatchObject({ plan: 'received', codec: 'received', agent: { inference: 0 } })
  expect(features).toMatchObject({ plan: 'features', codec: expect.stringMatching(/^klt:/) })
  for (const { agent, edgeMs, p50Ms, mostPerS } of rows) {
    expect(agent.main).toBeGreaterThan(0)
    expect(edgeMs).toBeCloseTo(agent.main + agent.pool + agent.inference)
    expect(p50Ms * mostPerS).toBeGreaterThan(0)
  }
  expect(features!.worker.inference).toBeGreaterThan(0)
})
