import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { manifestSchema } from '../../src/model-graph/manifest.ts'
import { repositoryRoot } from '../paths.ts'
import { sharedData } from '../shared-data.ts'

const root = fileURLToPath(repositoryRoot)
const published = JSON.parse(await readFile(join(root, 'docs/surgeon.schema.json'), 'utf8')) as object
const bySchema = new Ajv2020({ strict: false }).compile(published)
const byReader = (value: unknown) => manifestSchema.safeParse(value).success

async function manifestFiles(folder: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true })
  return files.filter((file) => file.endsWith('surgeon.json')).map((file) => join(folder, file))
}

async function documented(): Promise<unknown[]> {
  const pages = ['docs/manifest.md', 'docs/guides/sensors.md', 'docs/guides/adding-a-model.md']
  const texts = await Promise.all(pages.map((page) => readFile(join(root, page), 'utf8')))
  return texts
    .flatMap((text) => [...text.matchAll(/```json\n([\s\S]*?)```/g)])
    .map(([, json]) => JSON.parse(json!) as unknown)
    .filter((value) => typeof value === 'object' && value !== null && 'output' in value)
}

const picture = {
  name: 'p',
  input: { width: 8, height: 8, mean: 0, scale: 255 },
  output: { kind: 'softmax' },
}
const numbers = {
  name: 'n',
  input: { kind: 'values', shape: [4, 3], mean: [0, 0, 1], scale: 2, names: ['x', 'y', 'z'], dtype: 'int16' },
  output: { kind: 'values', tensors: ['a'] },
}
const several = {
  name: 's',
  inputs: { sound: { shape: [8] }, rate: { value: 16_000 }, size: { value: [2, 3] } },
  state: { h: 'hn' },
  output: { kind: 'text', alphabet: 'abc' },
}
const detector = { ...picture, output: { kind: 'boxes', layout: 'yolov8', score: 0.5, tensors: ['o'] } }
const good = [picture, numbers, several, detector, { ...numbers, inputs: { rate: { value: 1 } } }]

describe('the published schema of surgeon.json and what the reader takes', () => {
  test('both take the manifests of the package, of the documents and of the cases', async () => {
    const cases = sharedData('cases/models')
    const files = [
      ...(await manifestFiles(join(root, 'models'))),
      ...(cases === undefined ? [] : await manifestFiles(cases)),
    ]
    const read = files.map(async (file) => JSON.parse(await readFile(file, 'utf8')) as unknown)
    const all = [...(await Promise.all(read)), ...(await documented()), ...good]
    expect(all.length).toBeGreaterThan(good.length + 3)
    expect(all.filter((value) => !bySchema(value) || !byReader(value))).toEqual([])
  })

  test('both refuse the same mutations: left out, of another type, out of range, unknown', () => {
    const mutants = [
      ...good.flatMap((value) => mutations(value)),
      { ...numbers, inputs: { more: { shape: [1] } } },
      { name: 'n', inputs: { rate: { value: 1 } }, output: numbers.output },
      { ...numbers, output: detector.output },
      { ...several, output: detector.output },
      { ...picture, input: { ...picture.input, width: 4097 } },
    ]
    expect(mutants.length).toBeGreaterThan(300)
    const disagreed = mutants.filter((mutant) => bySchema(mutant) !== byReader(mutant))
    expect(disagreed).toEqual([])
    expect(mutants.filter((mutant) => !byReader(mutant)).length).toBeGreaterThan(250)
  })

  test.each([
    ['another number of names than places', { ...numbers, input: { ...numbers.input, names: ['x', 'y'] } }],
    ['another number of means than places', { ...numbers, input: { ...numbers.input, mean: [1] } }],
    ['an input that is state as well', { ...several, state: { sound: 'hn' } }],
  ])('the reader alone can refuse %s', (_, value) => {
    expect([bySchema(value), byReader(value)]).toEqual([true, false])
  })
})

/** Of every field, at every depth: without it, with other values, and with an unknown one beside it. */
function mutations(value: unknown): unknown[] {
  if (Array.isArray(value))
    // A list's length is the reader's business.
    return value.flatMap((each, i) => mutations(each).map((mutant) => value.with(i, mutant)))
  const others = [null, true, -1, 'x', {}, []].filter((other) => typeof other !== typeof value)
  if (typeof value === 'number') return [...others, -1, 0, 0.5].filter((other) => other !== value)
  if (typeof value !== 'object' || value === null) return others
  const fields = Object.entries(value)
  return [
    { ...value, unknown: 1 },
    ...fields.map(([key]) => Object.fromEntries(fields.filter(([other]) => other !== key))),
    ...fields.flatMap(([key, each]) => mutations(each).map((mutant) => ({ ...value, [key]: mutant }))),
  ]
}
