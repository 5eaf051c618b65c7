import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readPair } from '../../../lab/replay/read-pair.ts'
import { parseScission } from '../../../lab/replay/scission-file.ts'
import { wholeMs } from '../../../src/latency-model/profile.ts'
import { scissionText } from './scission.ts'

const folder = await mkdtemp(join(tmpdir(), 'surgeon-scission-'))
afterAll(() => rm(folder, { recursive: true }))

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text)
  return join(folder, name)
}

const choice = { path: 'f.csv', model: 'toy', scale: 0.5 }

test('parseScission() takes the rows of its model, their times scaled', () => {
  expect(parseScission(scissionText(), choice).map(({ lastLayer, ms }) => [lastLayer, ms])).toEqual([
    [1, 5],
    [3, 10],
    [5, 15],
    [7, 20],
  ])
})

test('parseScission() names file, line and what is wrong', () => {
  const broken = (from: string, to: string) => parseScission(scissionText().replace(from, to), choice)
  expect(() => broken('model,', 'name,')).toThrow('f.csv:1: it must be model,')
  expect(() => broken('toy,4,5,0.03', 'toy,4,5,x')).toThrow('f.csv:5: it must have 5 columns')
  expect(() => broken('toy,4,5,0.03', 'toy,4,5,-1')).toThrow(
    "f.csv:5: it must have 5 columns, all but the first numbers of at least 0, current value is 'toy,4,5,-1,50176'",
  )
  expect(() => broken('toy,4,5', 'toy,5,5')).toThrow('f.csv:5: block_first_layer must be 4')
  expect(() => broken('toy,4,5', 'toy,4,3')).toThrow('f.csv:5: block_last_layer must be at least 4')
  expect(() => broken('50176', '0')).toThrow('f.csv:5: output_bytes')
  expect(() => broken('toy,6,7,0.04,4000', 'toy,6,7,0.04')).toThrow('f.csv:6: it must have 5 columns')
  expect(() => parseScission(scissionText(), { ...choice, model: 'resnet50' })).toThrow(
    'f.csv: it must have at least two blocks of model resnet50; it has other, toy',
  )
  expect(() => parseScission(scissionText([0, 0, 0, 0]), choice)).toThrow('must take some time')
  expect(() => parseScission('', choice)).toThrow('f.csv:1')
})

test('readPair() scales each file by itself, and has a wound at each border', async () => {
  const path = await file('a.csv', scissionText())
  const pair = await readPair({ edge: `${path}@2`, backend: path, model: 'toy', featureCodecs: ['uint8'] })
  expect(wholeMs(pair.setup.profile)).toBeCloseTo(200)
  expect([...pair.tailMs]).toEqual([
    ['input', 100],
    ['layer-1', 90],
    ['layer-3', 70],
    ['layer-5', 40],
  ])
})

test('readPair() refuses machines that do not go together', async () => {
  const path = await file('a.csv', scissionText())
  const pair = (backend: string, edge = path) => readPair({ edge, backend, model: 'toy', featureCodecs: [] })
  const short = await file('short.csv', scissionText([10, 20, 30]))
  await expect(pair(short)).rejects.toThrow('short.csv must have the blocks of')
  await expect(pair(path, short)).rejects.toThrow('must have the 3 blocks of')
  const other = await file('other.csv', scissionText().replace('50176', '50180'))
  await expect(pair(other)).rejects.toThrow('block 3 must end after layer 5 and give 50176 bytes')
  const profile = await file('profile.json', '{}')
  await expect(pair(profile)).rejects.toThrow('must be of one kind')
  await expect(pair(profile, profile)).rejects.toThrow('it must be what surgeon profile writes')
  await expect(pair(`${path}@0`)).rejects.toThrow('the scale of')
})
