import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { onnxruntimeEngine } from '../../../src/executor/onnxruntime-engine.ts'
import { verifyWounds } from '../../../src/executor/verify-wounds.ts'
import { borderShape } from '../../../src/model-graph/layer-graph.ts'
import { loadModel } from '../../../src/model-graph/load-model.ts'
import { singleWounds } from '../../../src/model-graph/single-wounds.ts'
import { noSharedData, sharedData } from '../../shared-data.ts'
import { runWhole } from '../compare-cuts.ts'

interface Node {
  readonly name: string
  readonly op: string
  readonly input?: readonly string[]
  readonly attr?: Readonly<Record<string, unknown>>
}

/** A graph model of one input `x`, with weights that are whole numbers or, named `f...`, floats. */
async function graphModel(
  file: string,
  x: readonly number[],
  weights: Readonly<Record<string, readonly number[]>>,
  nodes: readonly Node[],
  shapes: Readonly<Record<string, readonly number[]>> = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'surgeon-graph-'))
  const entries = Object.entries(weights).map(([name, values]) => ({
    name,
    shape: shapes[name] ?? [values.length],
    dtype: name.startsWith('f') ? 'float32' : 'int32',
  }))
  const bytes = Object.entries(weights).map(([name, values]) => {
    const array = name.startsWith('f') ? Float32Array.from(values) : Int32Array.from(values)
    return new Uint8Array(array.buffer)
  })
  await writeFile(join(folder, 'w.bin'), Buffer.concat(bytes))
  const dim = x.map((size) => ({ size: String(size) }))
  const placeholder = {
    name: 'x',
    op: 'Placeholder',
    attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim } } },
  }
  const consts = entries.map(({ name }) => ({ name, op: 'Const', attr: {} }))
  const json = {
    format: 'graph-model',
    modelTopology: { node: [placeholder, ...consts, ...nodes] },
    weightsManifest: [{ paths: ['w.bin'], weights: entries }],
  }
  await writeFile(join(folder, file), JSON.stringify(json))
  return join(folder, file)
}

async function run(path: string, input: readonly number[]) {
  const model = await loadModel(path)
  const shape = borderShape(model.graph.tensors[model.graph.inputs[0]!]!)
  const outputs = await runWhole(model, [{ shape: [1, ...shape], data: Float32Array.from(input) }])
  const report = await verifyWounds(model, onnxruntimeEngine(), singleWounds(model.graph), { threads: 1 })
  expect(report.maxAbsDiff).toBeLessThan(1e-5)
  return { model, outputs: outputs.map(({ data }) => [...data]) }
}

describe('a graph model of TensorFlow.js', () => {
  test('gives what TensorFlow.js gives', async ({ skip }) => {
    const folder = sharedData('cases/models/tfjs-graph-model')
    skip(folder === undefined, noSharedData)
    const model = await loadModel(folder!)
    const { output } = JSON.parse(await readFile(`${folder}/example.json`, 'utf8')) as { output: number[] }
    const data = new Float32Array(3 * 32 * 32)
    for (let i = 0; i < data.length; i++) {
      const value = Math.round(500 * (1 + Math.sin(i / 7))) / 1000
      data[(i % 3) * 1024 + Math.floor(i / 3)] = value
    }
    const [whole] = await runWhole(model, [{ shape: [1, 3, 32, 32], data }])
    for (const [i, value] of whole!.data.entries()) expect(value).toBeCloseTo(output[i]!, 6)
    const wounds = singleWounds(model.graph)
    expect(wounds.map(({ id }) => id)).toEqual(['input', 'c1', 'sum', 'r', 'm', 'mm', 'ba', 'sm', 'local'])
    expect(model.graph.layers.map(({ type }) => type)).toContain('_FusedConv2D')
    const report = await verifyWounds(model, onnxruntimeEngine(), wounds, { threads: 1 })
    expect(report.maxAbsDiff).toBeLessThan(1e-5)
  })

  test('folds shape arithmetic and slices, packs and splits as TensorFlow does, under another file name', async () => {
    const path = await graphModel(
      'pose.json',
      [-1, 2, 3],
      { zero: [0], one: [1], minus: [-1], begin: [0, 1, -1], end: [0, 2, 0], step: [1, 1, 1], axis: [2] },
      [
        { name: 'size', op: 'Shape', input: ['x'] },
        {
          name: 'batch',
          op: 'StridedSlice',
          input: ['size', 'zero', 'one', 'one'],
          attr: { shrink_axis_mask: { i: '1' } },
        },
        { name: 'rest', op: 'Squeeze', input: ['minus'] },
        { name: 'target', op: 'Pack', input: ['batch', 'rest'], attr: { axis: { i: '0' } } },
        { name: 'flat', op: 'Reshape', input: ['x', 'target'] },
        {
          name: 'last',
          op: 'StridedSlice',
          input: ['x', 'begin', 'end', 'step'],
          attr: { begin_mask: { i: 1 }, end_mask: { i: 1 }, shrink_axis_mask: { i: 6 } },
        },
        { name: 'rows', op: 'Unpack', input: ['x'], attr: { axis: { i: 1 }, num: { i: 2 } } },
        { name: 'difference', op: 'Sub', input: ['rows:1', 'rows'] },
        { name: 'sum', op: 'Sum', input: ['flat', 'one'], attr: { keep_dims: { b: true } } },
        { name: 'all', op: 'ConcatV2', input: ['flat', 'difference', 'sum', 'one'] },
        { name: 'shifted', op: 'Add', input: ['all', 'again'] },
        { name: 'again', op: 'ExpandDims', input: ['last', 'one'] },
      ],
    )
    const { outputs, model } = await run(path, [1, 2, 3, 10, 20, 30])
    expect(outputs).toEqual([[1, 2, 3, 10, 20, 30, 9, 18, 27, 66].map((value) => value + 30)])
    expect(model.graph.name).toBe('pose')
  })

  test('pads, pools, scales and convolves maps with channels last', async () => {
    const path = await graphModel(
      'model.json',
      [-1, 2, 2, 1],
      { pads: [0, 0, 1, 0, 0, 1, 0, 0], size: [4, 4], f1: [1, 2, 3, 4] },
      [
        { name: 'padded', op: 'Pad', input: ['x', 'pads'] },
        {
          name: 'pool',
          op: 'MaxPool',
          input: ['padded'],
          attr: {
            ksize: { list: { i: [1, 2, 2, 1] } },
            strides: { list: { i: [1, 1, 1, 1] } },
            padding: { s: 'VkFMSUQ=' },
          },
        },
        {
          name: 'conv',
          op: 'DepthwiseConv2dNative',
          input: ['pool', 'f1'],
          attr: {
            strides: { list: { i: [1, 1, 1, 1] } },
            dilations: { list: { i: [1, 1, 1, 1] } },
            padding: { s: 'U0FNRQ==' },
          },
        },
        {
          name: 'large',
          op: 'ResizeNearestNeighbor',
          input: ['conv', 'size'],
          attr: { half_pixel_centers: { b: true } },
        },
      ],
      { f1: [2, 2, 1, 1], pads: [4, 2] },
    )
    const { outputs } = await run(path, [1, 2, 3, 4])
    // Padded: 0 0 0 / 1 2 0 / 3 4 0; pooled: 2 2 / 4 4; convolved with zeros after the end: 34 14 / 12 4.
    const rows = [
      [34, 34, 14, 14],
      [12, 12, 4, 4],
    ]
    expect(outputs).toEqual([[rows[0], rows[0], rows[1], rows[1]].flat()])
  })

  test('is refused with layer, type and file where an operator is not known', async () => {
    const path = await graphModel('model.json', [-1, 2], {}, [{ name: 'loop', op: 'While', input: ['x'] }])
    await expect(loadModel(path)).rejects.toThrow(
      /model\.json: layer 'loop' of type While must be of a known type/,
    )
  })
})

test.each([
  ['model.tflite', /converted first, for example by python -m tf2onnx\.convert --tflite/],
  ['model.h5', /--keras/],
])('%s is refused with the command that converts it', async (file, message) => {
  const folder = await mkdtemp(join(tmpdir(), 'surgeon-other-'))
  await writeFile(join(folder, file), 'TFL3')
  await expect(loadModel(join(folder, file))).rejects.toThrow(message)
})
