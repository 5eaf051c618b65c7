import { homedir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { shareReport } from '../../bench/engines/share-report.ts'
import { engineTolerance } from '../../src/executor/parity.ts'
import { loadXnnpack } from '../../src/executor/xnnpack/library.ts'
import { noXnnpack, xnnpackWhereInstalled } from '../executor/xnnpack-setup.ts'
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

test('shareReport has rows of the precisions that XNNPACK has, and says what is missing elsewhere', async ({
  skip,
}) => {
  skip((await xnnpackWhereInstalled()) === undefined, noXnnpack)
  const { rows, absent } = await shareReport(models, ['onnxruntime', 'xnnpack'], 1, options)
  const isLater = loadXnnpack().roundedTensor !== undefined
  expect(rows.map(({ engine, precision = 'float32' }) => `${engine} ${precision}`)).toEqual([
    'onnxruntime float32',
    'xnnpack float32',
    ...['xnnpack int8', 'xnnpack fp16'].filter((name) => absent[name] === undefined),
  ])
  expect('xnnpack int8' in absent).toBe(!isLater)
  expect(absent['xnnpack fp16'] ?? 'in fp16').toContain('in fp16')
  expect(absent['xnnpack int8'] ?? 'Debian 13').toContain('Debian 13')
})

test('shareReport refuses to compare an engine with nothing', async () => {
  await expect(shareReport(models, ['wasm'], 1, options)).rejects.toThrow(
    /at least 2 must be here, current value is 1/,
  )
})
