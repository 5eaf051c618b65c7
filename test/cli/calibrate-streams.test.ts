import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadXnnpack } from '../../src/executor/xnnpack/library.ts'
import { xnnpackWhereInstalled } from '../executor/xnnpack-setup.ts'
import { classifier, openBatch, smallModel } from '../model-graph/onnx/small-models.ts'
import { repositoryRoot } from '../paths.ts'
import { stillScene } from '../still-scene.ts'

const run = promisify(execFile)
const program = fileURLToPath(new URL('dist/cli/surgeon.js', repositoryRoot))
let folder: string
let small: string
let large: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-calibrate-'))
  small = await smallModel('small', classifier)
  large = await smallModel('large', openBatch)
  let i = 0
  for await (const bytes of stillScene('cat', 12, 4)) await writeFile(join(folder, `${i++}.jpg`), bytes)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('surgeon calibrate --sequence tells what may be reused, as data and as a line for the configuration', async () => {
  const args = [program, 'calibrate', '--model', small, '--sequence', folder]
  const { stdout } = await run(process.execPath, [...args, '--json'])
  const told = JSON.parse(stdout) as { best: { difference: number; reused: number }; rows: unknown[] }
  expect(told).toMatchObject({ model: 'small', frames: 12 })
  expect(told.best.reused).toBeGreaterThan(0.9)
  expect(told.rows.length).toBeGreaterThan(10)
  const { stdout: table } = await run(process.execPath, args)
  expect(table).toContain(`unchanged: { difference: ${told.best.difference} }`)
})

test('surgeon calibrate --cascade tells the threshold and draws what each brings', async () => {
  const args = [program, 'calibrate', '--model', small, '--cascade', large, '--images', folder]
  const { stdout } = await run(process.execPath, [...args, '--out', folder])
  expect(stdout).toMatch(/cascade: \{ model: .*, below: [0-9.]+ \}/)
  expect(await readFile(join(folder, 'cascade.svg'), 'utf8')).toMatch(/^<svg [^]*small, then large/)
})

test('surgeon calibrate wants either pictures or a sequence', async () => {
  for (const given of [[], ['--images', folder, '--sequence', folder]])
    await expect(
      run(process.execPath, [program, 'calibrate', '--model', small, ...given]),
    ).rejects.toMatchObject({
      stderr: expect.stringContaining('needs --model M and --images DIR or --sequence DIR'),
    })
})

test('surgeon calibrate --precision knows int8 and fp16, and says what is missing where it cannot be had', async ({
  skip,
}) => {
  const args = [program, 'calibrate', '--model', 'mobilenetv2', '--images', folder, '--out', folder]
  await expect(run(process.execPath, [...args, '--precision', 'int4'])).rejects.toMatchObject({
    stderr: expect.stringContaining('--precision must be one of int8, fp16, current value is int4'),
  })
  const xnnpack = await xnnpackWhereInstalled()
  skip(xnnpack !== undefined && loadXnnpack().roundedTensor !== undefined, 'int8 can be had here')
  await expect(run(process.execPath, [...args, '--precision', 'int8'])).rejects.toMatchObject({
    stderr: expect.stringContaining('libxnnpack0.20241108'),
  })
})
