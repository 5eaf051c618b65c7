import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Recorder } from '../../src/telemetry/recorder.ts'
import type { RequestRecord } from '../../src/telemetry/request-record.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-records-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function record(id: string): RequestRecord {
  return {
    id,
    stream: 'default',
    model: 'm',
    arrivedAt: 0,
    input: { bytes: 1 },
    plan: undefined,
    measured: { totalMs: 1, sentBytes: 0 },
    outcome: { kind: 'answered', finishedAt: 'edge' },
  }
}

async function idsIn(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as RequestRecord).id)
}

test('Recorder writes a line per request, also after a restart, and puts a large file aside', async () => {
  const path = join(folder, 'deeper', 'requests.jsonl')
  const lineBytes = JSON.stringify(record('10')).length + 1
  const options = { path, maxBytes: 3 * lineBytes, keep: 2, log: () => undefined }
  let recorder = new Recorder(options)
  for (let i = 10; i < 12; i++) recorder.record(record(`${i}`))
  await recorder.stop()
  recorder = new Recorder(options)
  for (let i = 12; i < 24; i++) {
    recorder.record(record(`${i}`))
    await recorder.stop()
  }
  await recorder.stop()
  const newest = await idsIn(path)
  const before = await idsIn(`${path}.1`)
  const oldest = await idsIn(`${path}.2`)
  const kept = [...oldest, ...before, ...newest]
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => `${24 - kept.length + i}`))
  expect(newest.at(-1)).toBe('23')
  await expect(readFile(`${path}.3`)).rejects.toThrow('ENOENT')
})

test.for(['file/x', '/dev/full'])(
  'Recorder: %s cannot be written, which costs records and one warning',
  async (name, { skip }) => {
    skip(name === '/dev/full' && !existsSync(name), 'there is no /dev/full')
    await writeFile(join(folder, 'file'), '')
    const warned: string[] = []
    const log = (_: string, message: string) => warned.push(message)
    const recorder = new Recorder({ path: resolve(folder, name), maxBytes: 1000, keep: 1, log })
    for (let i = 0; i < 3; i++) {
      recorder.record(record(`${i}`))
      await recorder.stop()
    }
    expect(warned).toEqual(['requests are not recorded'])
  },
)
