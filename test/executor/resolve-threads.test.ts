import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TrialReply, TrialSetup } from '../../src/executor/engine-trial.ts'
import {
  chooseThreads,
  defaultThreadSetting,
  resolveThreads,
  threadCounts,
} from '../../src/executor/resolve-threads.ts'

test.each([
  [1, [1]],
  [2, [1]],
  [3, [1, 2]],
  [4, [1, 2, 3]],
  [8, [1, 2, 4, 7]],
  [64, [1, 2, 4, 8, 16, 32, 63]],
])('threadCounts: of %i cores one is left to all else', (cores, counts) => {
  expect(threadCounts(cores)).toEqual(counts)
})

test('chooseThreads takes the fewest that are nearly as fast as the fastest', () => {
  const times = (...ms: number[]) => ms.map((wholeMs, i) => ({ threads: i + 1, wholeMs }))
  expect(chooseThreads(times(44, 25, 20))).toBe(3)
  expect(chooseThreads(times(44, 25, 24))).toBe(2)
  expect(chooseThreads(times(44, 60, 200))).toBe(1)
  expect(chooseThreads([])).toBe(1)
})

test('defaultThreadSetting is measured where the engine is', () => {
  expect([defaultThreadSetting('auto'), defaultThreadSetting('onnxruntime')]).toEqual(['auto', 1])
})

let stateDirectory: string
beforeEach(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), 'surgeon-threads-'))
})
afterEach(() => rm(stateDirectory, { recursive: true }))

/** A machine on which two threads are the best, and what was tried on it. */
function board(cores: number) {
  const tried: number[] = []
  const trial = async ({ threads }: TrialSetup): Promise<TrialReply> => {
    tried.push(threads)
    if (threads > 3) return { kind: 'failed', reason: 'out of memory' }
    return { kind: 'ran', wholeMs: [0, 40, 24, 30][threads]!, woundDifference: 0, outputs: [] }
  }
  return { tried, here: { cores, trial } }
}

const options = () => ({
  model: 'mobilenetv2',
  modelHash: '0'.repeat(32),
  machine: 'a board',
  stateDirectory,
  log: () => undefined,
})

test('resolveThreads measures auto once for each engine and number of cores, and takes a number as it is', async () => {
  const { tried, here } = board(4)
  expect(await resolveThreads(4, 'xnnpack', options(), here)).toBe(4)
  expect(tried).toEqual([])
  for (let start = 0; start < 2; start++)
    expect(await resolveThreads('auto', 'xnnpack', options(), here)).toBe(2)
  expect(tried).toEqual([1, 2, 3])
  expect(await resolveThreads('auto', 'onnxruntime', options(), here)).toBe(2)
  expect(tried).toEqual([1, 2, 3, 1, 2, 3])
  expect(await resolveThreads('auto', 'xnnpack', { ...options(), machine: 'another' }, here)).toBe(2)
  expect(tried.length).toBe(9)
  const [larger, small] = [board(8), board(2)]
  expect(await resolveThreads('auto', 'xnnpack', options(), larger.here)).toBe(2)
  expect(larger.tried).toEqual([1, 2, 4, 7])
  expect(await resolveThreads('auto', 'xnnpack', options(), small.here)).toBe(1)
  expect(small.tried).toEqual([])
})

test('resolveThreads measures anew where what was remembered cannot be read, and an abort ends it', async () => {
  const { tried, here } = board(3)
  await resolveThreads('auto', 'xnnpack', options(), here)
  const folder = join(stateDirectory, 'threads')
  await writeFile(join(folder, (await readdir(folder))[0]!), '{')
  expect(await resolveThreads('auto', 'xnnpack', options(), here)).toBe(2)
  expect(tried).toEqual([1, 2, 1, 2])
  const signal = AbortSignal.abort(new Error('stopped'))
  await expect(resolveThreads('auto', 'wasm', { ...options(), signal }, here)).rejects.toThrow('stopped')
})
