import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { noXnnpack, xnnpackWhereInstalled } from './xnnpack-setup.ts'

const entry = fileURLToPath(new URL('./resident-memory.js', import.meta.url))
const run = promisify(execFile)
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'surgeon-memory-'))
})

afterAll(() => rm(directory, { recursive: true, force: true }))

async function residentMb(part: 'head' | 'whole'): Promise<number> {
  const args = [entry, 'vgg19', 'block3_pool', part, 'onnxruntime', join(directory, 'compiled')]
  const { stdout, stderr } = await run(process.execPath, args)
  expect(stderr).toBe('')
  return Number(stdout.split(' ')[0]) / 1e6
}

test('a head holds its own weights only: VGG19 cut after block3_pool stays below 200 MB, whole it needs over 600', async () => {
  // The second start finds compiled what the first has.
  for (let start = 0; start < 2; start++) {
    expect(await residentMb('head')).toBeLessThanOrEqual(200)
    const whole = await residentMb('whole')
    expect(whole).toBeGreaterThan(600)
    // Twice its 575 MB of weights would be more.
    expect(whole).toBeLessThan(1000)
  }
})

test('XNNPACK packs VGG19, whole, within 1.3 times its weights, though one matrix has two thirds of them', async ({
  skip,
}) => {
  skip((await xnnpackWhereInstalled()) === undefined, noXnnpack)
  const { stdout } = await run(process.execPath, [entry, 'vgg19', 'local', 'whole', 'xnnpack'])
  // 574 MB of weights; Node and the loaded model take 70 to 80.
  expect(Number(stdout.split(' ')[1]) / 1e6).toBeLessThan(1.3 * 574 + 40 + 80)
})

test('where the disk takes no more in the middle of an entry, the segment is compiled in memory and nothing is left', async ({
  skip,
}) => {
  skip(process.platform === 'win32', 'Windows has no ulimit')
  const full = join(directory, 'full')
  // Files of at most 4 MiB: the head has 9 MB of constants.
  const limited = 'ulimit -f 4096 && exec "$@"'
  const args = [process.execPath, entry, 'vgg19', 'block3_pool', 'head', 'onnxruntime', full]
  const { stdout, stderr } = await run('bash', ['-c', limited, 'bash', ...args])
  expect(Number(stdout.split(' ')[0])).toBeGreaterThan(0)
  expect(stderr.trim().split('\n')).toEqual([
    expect.stringMatching(/warn segments are compiled in memory: .* cannot be written .*EFBIG/),
  ])
  expect(await readdir(full)).toEqual([])
})
