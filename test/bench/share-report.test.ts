import { homedir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { shareReport } from '../../bench/engines/share-report.ts'
import { engineTolerance } from '../../src/executor/parity.ts'
import { repositoryRoot } from '../paths.ts'

const options = { rounds: 1, warmUpRounds: 0, now: () => performance.now() }
const models = [fileURLToPath(new URL('models/mobilenetv2', repositoryRoot))]

test('shareReport compares the engines that are here and says why others are not, without naming their owner', async () => {
  vi.stubEnv('XDG_CACHE_HOME', `${homedir()}/nothing-here`)
  const report = await shareReport(models, ['onnxruntime', 'wasm', 'tensorflow'], 1, options)
  vi.unstubAllEnvs()
  const [first, second] = report.rows
  expect(first).toMatchObject({ engine: 'onnxruntime', speed: 1, relativeDifference: 0 })
  expect(first!.wholeMs).toBeGreaterThan(0)
  expect(second!.engine).toBe('wasm')
  expect(second!.relativeDifference).toBeLessThanOrEqual(engineTolerance)
  expect(second!.speed).toBeGreaterThan(0)
  expect(Object.keys(report.absent)).toEqual(report.rows.length === 3 ? [] : ['tensorflow'])
  expect(JSON.stringify(report)).not.toContain(`${homedir()}/`)
})

test('shareReport refuses to compare an engine with nothing', async () => {
  await expect(shareReport(models, ['wasm'], 1, options)).rejects.toThrow(
    /at least 2 must be here, current value is 1/,
  )
})
