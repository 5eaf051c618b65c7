import { mkdtemp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Engine } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { cut, wholeModel } from '../../src/model-graph/cut.ts'
import { findWound } from '../../src/model-graph/find-wound.ts'
import { loadLayersModel } from '../../src/model-graph/load-layers-model.ts'
import type { Segment } from '../../src/model-graph/segment.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import { input, kerasTopology, sketchModel } from '../keras-model.ts'
import { bundledPhoto, maxAbsDiff, photoInput } from '../model-input.ts'
import { repositoryRoot } from '../paths.ts'
import { layerDifference, layerTolerance } from './layer-difference.ts'
import { mergingLayers, singleLayers, sketchInput } from './layer-sketches.ts'
import { noTensorflow, tensorflowWhereSetUp } from './tensorflow-setup.ts'

const found = await tensorflowWhereSetUp()

describe('engine tensorflow', () => {
  beforeEach(({ skip }) => skip(found === undefined, noTensorflow))

  const tensorflow = found!

  test.each(singleLayers.map((layer) => [layer[0], layer] as const))(
    '%s equals the plain reference',
    async (_, layer) => {
      expect(await layerDifference(tensorflow, [sketchInput, layer])).toBeLessThan(layerTolerance)
    },
  )

  test('convolutions of every kind equal the plain reference', async () => {
    const kinds: [string, Record<string, unknown>][] = [
      ['Conv2D', { filters: 6, dilation_rate: [2, 1] }],
      ['Conv2D', { filters: 5, strides: [1, 2] }],
      ['DepthwiseConv2D', { depth_multiplier: 3, strides: 2 }],
      ['SeparableConv2D', { filters: 5, depth_multiplier: 2 }],
      ['Conv2DTranspose', { filters: 3, strides: [2, 1] }],
    ]
    for (const [kind, config] of kinds) {
      for (const padding of ['same', 'valid']) {
        const layer = { ...config, kernel_size: [3, 2], padding, activation: 'relu6' }
        const sketch = [input(9, 8, 4), ['c', kind, layer, 'in'] as const]
        expect(await layerDifference(tensorflow, sketch), `${kind} ${padding}`).toBeLessThan(layerTolerance)
      }
    }
  })

  test('pooling and merging equal the plain reference', async () => {
    for (const kind of ['MaxPooling2D', 'AveragePooling2D']) {
      const layer = ['p', kind, { pool_size: [3, 2], strides: 2, padding: 'same' }, 'in'] as const
      expect(await layerDifference(tensorflow, [input(7, 8, 2), layer])).toBeLessThan(layerTolerance)
    }
    const { sketch, outputs } = mergingLayers()
    expect(await layerDifference(tensorflow, sketch, outputs)).toBeLessThan(layerTolerance)
  })

  test('agrees with onnxruntime at the wounds of the bundled model, head here and tail there', async () => {
    const onnxruntime = await loadEngine('onnxruntime')
    const model = await loadLayersModel(fileURLToPath(new URL('models/mobilenetv2/', repositoryRoot)))
    const cat = await photoInput(bundledPhoto('cat'), model.manifest)
    const run = async (engine: Engine, segment: Segment, inputs: readonly TensorValue[]) => {
      const executable = await engine.compile(model, segment, { threads: 1 })
      const values = await executable.run(inputs)
      await executable.release()
      return values
    }
    const whole = await run(onnxruntime, wholeModel(model.graph), [cat])
    const wounds = [
      ...plannedWounds(model.graph),
      findWound(model.graph, 'block_1_project_BN+block_2_depthwise_relu'),
    ]
    expect(wounds.length).toBeGreaterThan(5)
    for (const wound of wounds) {
      const { head, tail } = cut(model.graph, wound)
      for (const [first, second] of [
        [tensorflow, onnxruntime],
        [onnxruntime, tensorflow],
        [tensorflow, tensorflow],
      ] as const) {
        const crossing = await run(first, head, [cat])
        const answer = wound.id === 'local' ? crossing : await run(second, tail, crossing)
        const difference = maxAbsDiff(answer[0]!.data, whole[0]!.data)
        expect(difference, `${wound.id}, ${first.name} then ${second.name}`).toBeLessThanOrEqual(1e-4)
      }
    }
  })

  test("computes batches and refuses what is not the segment's", async () => {
    const model = sketchModel(
      kerasTopology([
        sketchInput,
        ['c', 'Conv2D', { filters: 2, kernel_size: 2 }, 'in'],
        ['f', 'Flatten', {}, 'c'],
        ['d', 'Dense', { units: 3 }, 'f'],
      ]),
    )
    const whole = await tensorflow.compile(model, wholeModel(model.graph), { threads: 1 })
    const data = new Float32Array(2 * 72).map((_, i) => Math.sin(i))
    const [both] = await whole.run([{ shape: [2, 3, 4, 6], data }])
    expect(both!.shape).toEqual([2, 3])
    for (const index of [0, 1]) {
      const half = { shape: [1, 3, 4, 6], data: data.slice(72 * index, 72 * (index + 1)) }
      const [one] = await whole.run([half])
      expect(maxAbsDiff(both!.data.slice(3 * index, 3 * index + 3), one!.data)).toBeLessThan(1e-5)
    }
    const moved = structuredClone(both!.data, { transfer: [both!.data.buffer] })
    expect(moved.length).toBe(6)
    await expect(whole.run([{ shape: [1, 4, 6, 3], data: data.slice(72) }])).rejects.toThrow(
      /must be \[N, 3, 4, 6\]/,
    )
    await whole.release()
    await whole.release()
    await expect(whole.run([{ shape: [1, 3, 4, 6], data: data.slice(72) }])).rejects.toThrow(
      /must not be released/,
    )
  })

  test('refuses what TensorFlow.js cannot compute, and graphs that come from an ONNX file', async () => {
    const grouped = sketchModel(
      kerasTopology([input(4, 6, 4), ['c', 'Conv2D', { filters: 2, groups: 2, kernel_size: 2 }, 'in']]),
    )
    await expect(tensorflow.compile(grouped, wholeModel(grouped.graph), { threads: 1 })).rejects.toThrow(
      /groups must be 1, current value is 2/,
    )
    const layers = grouped.graph.layers.map((layer) =>
      layer.type === 'InputLayer'
        ? layer
        : { ...layer, definition: { source: 'onnx' as const, nodes: [new Uint8Array()], constants: [] } },
    )
    const onnx = { ...grouped, graph: { ...grouped.graph, layers } }
    await expect(tensorflow.compile(onnx, wholeModel(onnx.graph), { threads: 1 })).rejects.toThrow(
      /engine tensorflow must get a layers model, 'c' comes from an ONNX file/,
    )
  })
})

function isDependency(): boolean {
  try {
    createRequire(import.meta.url).resolve('@tensorflow/tfjs-node/package.json')
    return true
  } catch {
    return false
  }
}

describe('a machine without TensorFlow.js', () => {
  afterEach(() => vi.unstubAllEnvs())

  test('loadEngine names the command that sets it up', async ({ skip }) => {
    skip(isDependency(), '@tensorflow/tfjs-node is installed as a dependency')
    vi.stubEnv('XDG_CACHE_HOME', await mkdtemp(`${tmpdir()}/surgeon-cache-`))
    await expect(loadEngine('tensorflow')).rejects.toThrow(/npm run setup:tensorflow/)
  })
})
