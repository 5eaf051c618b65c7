import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeWhole } from '../../src/files/write-whole.ts'
import type { Profile } from '../../src/latency-model/profile.ts'
import { readProfile } from '../../src/latency-model/profile-store.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-profile-'))
})
afterAll(() => rm(folder, { recursive: true }))

function profile(...times: number[]): Profile {
  const subject = { modelHash: 'h', engine: 'wasm', threads: 1, slowdown: 1, machine: 'm' } as const
  const segments = times.map((medianMs, i) => ({
    from: `${i}`,
    to: `${i + 1}`,
    operations: 1,
    medianMs,
    madMs: 0,
    runs: 1,
  }))
  return { version: 2, ...subject, measuredAt: new Date(0).toISOString(), segments, codecs: [] }
}

test.for([
  ['of times', profile(0, 3), true],
  ['of a machine that computes nothing', profile(), true],
  ['all of whose times are zero', profile(0, 0), false],
  ['of a segment that takes days', profile(3, 1e9), false],
] as const)('readProfile(): one %s', async ([name, written, believed]) => {
  const path = join(folder, `${name}.json`)
  await writeWhole(path, JSON.stringify(written))
  expect((await readProfile(path)) !== undefined).toBe(believed)
})
