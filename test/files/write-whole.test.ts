import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { remember } from '../../src/files/remember.ts'
import { writeWhole } from '../../src/files/write-whole.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-files-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('writeWhole() makes folders, replaces, and leaves nothing else, also of writers at the same time', async () => {
  const path = join(folder, 'a', 'b', 'file.txt')
  const texts = ['one', 'two', 'three']
  await Promise.all(texts.map((text) => writeWhole(path, text)))
  expect(texts).toContain(await readFile(path, 'utf8'))
  await writeWhole(path, 'four')
  expect(await readFile(path, 'utf8')).toBe('four')
  expect(await readdir(join(folder, 'a', 'b'))).toEqual(['file.txt'])
})

test('writeWhole() that fails leaves the old file, or folder, and nothing else', async () => {
  const path = join(folder, 'taken')
  await mkdir(join(path, 'inside'), { recursive: true })
  await expect(writeWhole(path, 'text')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/)
  expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([])
})

test('remember() tells of a place that cannot be written, and goes on', async () => {
  const file = join(folder, 'a-file')
  await writeFile(file, '')
  const told: string[] = []
  await remember(join(file, 'profile.json'), {}, (level) => told.push(level))
  expect(told).toEqual(['warn'])
})
