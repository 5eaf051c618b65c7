import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadLayersModel } from '../../src/model-graph/load-layers-model.ts'
import { manifestSchema } from '../../src/model-graph/manifest.ts'
import { input, kerasTopology, parameterCount } from '../keras-model.ts'
import { repositoryRoot } from '../paths.ts'

const bundled = fileURLToPath(new URL('models/mobilenetv2', repositoryRoot))
let directory = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'surgeon-model-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true })
})

const manifest = {
  name: 'tiny',
  input: { width: 2, height: 2, mean: [0, 0, 0], scale: [1, 1, 1] },
  output: { kind: 'logits' },
}
const topology = kerasTopology([
  input(2, 2, 3),
  ['d', 'Dense', { units: 2 }, 'in'],
  ['f', 'Flatten', {}, 'd'],
])
const kernel = { name: 'd/kernel', shape: [3, 2], dtype: 'float32' }
const bias = { name: 'd/bias', shape: [2], dtype: 'float32' }

function floats(...values: number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer)
}

/** Writes a model of one dense layer: 3 x 2 kernel, 2 biases. */
async function writeModel(
  weights: unknown,
  shards: readonly Uint8Array[],
  extra: object = {},
): Promise<string> {
  const paths = shards.map((_, index) => `shard${index}.bin`)
  const weightsManifest = [{ paths, weights }]
  const model = { format: 'layers-model', modelTopology: topology, weightsManifest, ...extra }
  await writeFile(join(directory, 'model.json'), JSON.stringify(model))
  await writeFile(join(directory, 'surgeon.json'), JSON.stringify(manifest))
  for (const [index, shard] of shards.entries()) await writeFile(join(directory, paths[index]!), shard)
  return directory
}

test('loadLayersModel loads the bundled model', async () => {
  const model = await loadLayersModel(bundled)
  expect(model.graph.layers.length).toBe(156)
  expect(parameterCount(model.graph)).toBe(3_538_984)
  expect(model.manifest.output).toMatchObject({ labels: 'labels.json' })
  expect(model.hash).toMatch(/^[0-9a-f]{32}$/)
  expect((await loadLayersModel(bundled)).hash).toBe(model.hash)
  const variance = await model.weights.read('bn_Conv1/moving_variance')
  expect(variance.length).toBe(32)
  expect(variance[0]).toBeCloseTo(0.999, 3)
})

test('loadLayersModel reads a weight that spans shards, and hashes every byte', async () => {
  const bytes = floats(1, 2, 3, 4, 5, 6, 7, 8)
  const first = await loadLayersModel(
    await writeModel([kernel, bias], [bytes.slice(0, 9), bytes.slice(9, 11), bytes.slice(11)]),
  )
  expect([...(await first.weights.read('d/kernel'))]).toEqual([1, 2, 3, 4, 5, 6])
  expect([...(await first.weights.read('d/bias'))]).toEqual([7, 8])
  expect([...(await first.weights.readPart!('d/kernel', 1, 5))]).toEqual([2, 3, 4, 5])
  expect([...(await first.weights.readPart!('d/bias', 1, 2))]).toEqual([8])
  bytes[31]! ^= 1
  const second = await loadLayersModel(await writeModel([kernel, bias], [bytes]))
  const third = await loadLayersModel(await writeModel([bias, kernel], [bytes]))
  expect(new Set([first.hash, second.hash, third.hash]).size).toBe(3)
})

test('loadLayersModel dequantises uint8, uint16 and float16', async () => {
  const weights = [
    { ...kernel, quantization: { dtype: 'uint8', scale: 0.5, min: -3 } },
    { ...bias, quantization: { dtype: 'float16', original_dtype: 'float32' } },
  ]
  const shard = Uint8Array.of(0, 1, 2, 3, 254, 255, 0x00, 0xc0, 0x01, 0x00)
  const model = await loadLayersModel(await writeModel(weights, [shard]))
  expect([...(await model.weights.read('d/kernel'))]).toEqual([-3, -2.5, -2, -1.5, 124, 124.5])
  expect([...(await model.weights.read('d/bias'))]).toEqual([-2, 2 ** -24])

  const wide = [{ ...kernel, quantization: { dtype: 'uint16', scale: 2, min: 1 } }, bias]
  const wideShard = new Uint8Array([
    ...new Uint8Array(Uint16Array.of(0, 1, 2, 3, 256, 65_535).buffer),
    ...floats(0.5, 1),
  ])
  const wideModel = await loadLayersModel(await writeModel(wide, [wideShard]))
  expect([...(await wideModel.weights.read('d/kernel'))]).toEqual([1, 3, 5, 7, 513, 131_071])
  expect([...(await wideModel.weights.readPart!('d/kernel', 3, 6))]).toEqual([7, 513, 131_071])
})

const good = floats(1, 2, 3, 4, 5, 6, 7, 8)
test.each([
  ['a truncated shard', [kernel, bias], good.slice(0, 27), /'d\/bias': .*shard0\.bin must hold 5 more bytes/],
  ['a missing weight', [kernel], good, /must hold weight 'd\/bias'/],
  [
    'a wrong shape',
    [{ ...kernel, shape: [2, 3] }, bias],
    good,
    /'d\/kernel' must be \[3, 2\], current value is \[2, 3\]/,
  ],
  [
    'an unknown dtype',
    [{ ...kernel, dtype: 'bfloat16' }, bias],
    good,
    /'d\/kernel' .*current value is 'bfloat16'/,
  ],
  [
    'an unknown quantisation',
    [{ ...kernel, quantization: { dtype: 'int4' } }, bias],
    good,
    /current value is 'int4'/,
  ],
  [
    'a scale that is missing',
    [{ ...kernel, quantization: { dtype: 'uint8' } }, bias],
    good,
    /scale and min must be finite/,
  ],
  ['a repeated weight', [kernel, bias, bias], good, /'d\/bias' occurs twice/],
  ['a shape that is no shape', [{ ...kernel, shape: [-1] }, bias], good, /weightsManifest/],
])('loadLayersModel refuses %s', async (_, weights, shard, message) => {
  await writeModel(weights, [shard])
  await expect(loadLayersModel(directory)).rejects.toThrow(message)
})

test('loadLayersModel refuses values that are not finite, when they are read', async () => {
  const model = await loadLayersModel(
    await writeModel([kernel, bias], [floats(1, 2, 3, 4, Number.NaN, 6, 7, Infinity)]),
  )
  await expect(model.weights.read('d/kernel')).rejects.toThrow(/'d\/kernel'.* value 4 is NaN/)
  await expect(model.weights.read('d/bias')).rejects.toThrow(/'d\/bias'.* value 1 is Infinity/)
  await expect(model.weights.read('d/nothing')).rejects.toThrow(/none of that name/)
})

test.each(['../secret.bin', '/etc/passwd', 'a/../../b.bin', 'http://x/y.bin'])(
  'loadLayersModel never leaves its folder: %s',
  async (path) => {
    await writeModel([kernel, bias], [good], {
      weightsManifest: [{ paths: [path], weights: [kernel, bias] }],
    })
    await expect(loadLayersModel(directory)).rejects.toThrow(/paths must stay in its folder/)
  },
)

test('loadLayersModel says which manifest to write, with an example that is one', async () => {
  const modelTopology = kerasTopology([
    input(16, 16, 3),
    ['d', 'Dense', { units: 2 }, 'in'],
    ['p', 'GlobalAveragePooling2D', {}, 'd'],
    ['s', 'Activation', { activation: 'softmax' }, 'p'],
  ])
  await writeModel([kernel, bias], [good], { modelTopology })
  await rm(join(directory, 'surgeon.json'))
  const model = await loadLayersModel(directory)
  const error = thrown(() => model.manifest)
  expect(error).toBeInstanceOf(TypeError)
  const { message } = error as TypeError
  expect(message).toContain(join(directory, 'surgeon.json'))
  expect(manifestSchema.parse(JSON.parse(message.slice(message.indexOf('{')))).output.kind).toBe('softmax')
})

function thrown(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

test('loadLayersModel takes numbers as they are where no manifest says otherwise', async () => {
  await writeModel([kernel, bias], [good])
  await rm(join(directory, 'surgeon.json'))
  const { manifest: made } = await loadLayersModel(directory)
  expect(made).toMatchObject({ input: { kind: 'values', shape: [2, 2, 3] }, output: { kind: 'values' } })
})

test("loadLayersModel prefers the manifest under the file's own name", async () => {
  await writeModel([kernel, bias], [good])
  await writeFile(join(directory, 'model.surgeon.json'), JSON.stringify({ ...manifest, name: 'own' }))
  expect((await loadLayersModel(directory)).manifest.name).toBe('own')
})

test('loadLayersModel refuses a manifest that is wrong or does not fit the model', async () => {
  await writeModel([kernel, bias], [good])
  await writeFile(join(directory, 'surgeon.json'), JSON.stringify({ ...manifest, extra: 1 }))
  await expect(loadLayersModel(directory)).rejects.toThrow(/surgeon\.json.*extra/s)
  await writeFile(
    join(directory, 'surgeon.json'),
    JSON.stringify({ ...manifest, input: { ...manifest.input, width: 9 } }),
  )
  await expect(loadLayersModel(directory)).rejects.toThrow(/picture of 3 x 2 x 9/)
})

test('loadLayersModel knows published networks without a manifest', async () => {
  const json = JSON.parse(await readFile(join(bundled, 'model.json'), 'utf8')) as {
    weightsManifest: { paths: string[] }[]
  }
  await writeFile(join(directory, 'model.json'), JSON.stringify(json))
  for (const path of json.weightsManifest[0]!.paths)
    await writeFile(join(directory, path), await readFile(join(bundled, path)))
  const { manifest } = await loadLayersModel(directory)
  expect(manifest.input).toEqual({
    width: 224,
    height: 224,
    channels: 'rgb',
    mean: [127.5, 127.5, 127.5],
    scale: [127.5, 127.5, 127.5],
  })
})
