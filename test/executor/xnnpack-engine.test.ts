import { fileURLToPath } from 'node:url'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Engine } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { segmentChain } from '../../src/executor/segment-chain.ts'
import { loadXnnpack } from '../../src/executor/xnnpack/library.ts'
import { cut, wholeModel } from '../../src/model-graph/cut.ts'
import { findWound } from '../../src/model-graph/find-wound.ts'
import { loadLayersModel } from '../../src/model-graph/load-layers-model.ts'
import type { Model } from '../../src/model-graph/model.ts'
import type { Segment } from '../../src/model-graph/segment.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import { input, kerasTopology, type LayerSketch, sketchModel } from '../keras-model.ts'
import { bundledPhoto, maxAbsDiff, photoInput } from '../model-input.ts'
import { repositoryRoot } from '../paths.ts'
import { layerDifference, layerTolerance } from './layer-difference.ts'
import { mergingLayers, singleLayers, sketchInput } from './layer-sketches.ts'
import { noXnnpack, xnnpackWhereInstalled } from './xnnpack-setup.ts'

const found = await xnnpackWhereInstalled()

/** Layers that have no node in either library, or none in Debian 12's. */
const never = new Set(['softplus'])
const later = new Set(['exponential', 'permute', 'permute back'])

function isMissing(name: string): boolean {
  return never.has(name) || (later.has(name) && found !== undefined && loadXnnpack().transpose === undefined)
}

async function run(engine: Engine, model: Model, segment: Segment, inputs: readonly TensorValue[]) {
  const executable = await engine.compile(model, segment, { threads: 1 })
  const values = await executable.run(inputs)
  await executable.release()
  return values
}

/** A convolution, a flattening and a matrix product. */
function smallModel(): Model {
  return sketchModel(
    kerasTopology([
      sketchInput,
      ['c', 'Conv2D', { filters: 2, kernel_size: 2 }, 'in'],
      ['r', 'ReLU', {}, 'c'],
      ['f', 'Flatten', {}, 'r'],
      ['d', 'Dense', { units: 3 }, 'f'],
    ]),
  )
}

function smallInput(seed: number): TensorValue {
  return { shape: [1, 3, 4, 6], data: new Float32Array(72).map((_, i) => Math.sin(i + seed)) }
}

describe('engine xnnpack', () => {
  beforeEach(({ skip }) => skip(found === undefined, noXnnpack))

  const xnnpack = found!

  const [computed, refused] = [
    singleLayers.filter(([name]) => !isMissing(name)),
    singleLayers.filter(([name]) => isMissing(name)),
  ]

  test.each(computed.map((layer) => [layer[0], layer] as const))(
    '%s equals the plain reference',
    async (_, layer) => {
      expect(await layerDifference(xnnpack, [sketchInput, layer])).toBeLessThan(layerTolerance)
    },
  )

  test.each(refused.map((layer) => [layer[0], layer] as const))(
    '%s is refused by its name',
    async (name, layer) => {
      await expect(layerDifference(xnnpack, [sketchInput, layer])).rejects.toThrow(new RegExp(`'${name}'`))
    },
  )

  test('convolutions of every kind equal the plain reference', async () => {
    const kinds: [string, Record<string, unknown>][] = [
      ['Conv2D', { filters: 6, dilation_rate: [2, 1] }],
      ['Conv2D', { filters: 5, strides: [1, 2] }],
      ['Conv2D', { filters: 6, groups: 2 }],
      ['DepthwiseConv2D', { depth_multiplier: 3, strides: 2 }],
      ['SeparableConv2D', { filters: 5, depth_multiplier: 2 }],
      ['Conv2DTranspose', { filters: 3, strides: [2, 1] }],
    ]
    for (const [kind, config] of kinds) {
      for (const padding of ['same', 'valid']) {
        const layer = { ...config, kernel_size: [3, 2], padding, activation: 'relu6' }
        const sketch: LayerSketch[] = [input(9, 8, 4), ['c', kind, layer, 'in']]
        expect(await layerDifference(xnnpack, sketch), `${kind} ${padding}`).toBeLessThan(layerTolerance)
        const normalised: LayerSketch[] = [
          input(9, 8, 4),
          ['c', kind, { ...layer, activation: 'linear' }, 'in'],
          ['n', 'BatchNormalization', {}, 'c'],
          ['a', 'Activation', { activation: 'swish' }, 'n'],
        ]
        expect(await layerDifference(xnnpack, normalised), `${kind} ${padding}`).toBeLessThan(layerTolerance)
      }
    }
  })

  test('pooling and merging equal the plain reference', async () => {
    for (const kind of ['MaxPooling2D', 'AveragePooling2D']) {
      for (const pool_size of [[3, 2], 1]) {
        const layer = ['p', kind, { pool_size, strides: 2, padding: 'same' }, 'in'] as const
        expect(await layerDifference(xnnpack, [input(7, 8, 2), layer])).toBeLessThan(layerTolerance)
      }
    }
    const { sketch, outputs } = mergingLayers()
    expect(await layerDifference(xnnpack, sketch, outputs)).toBeLessThan(layerTolerance)
  })

  test('agrees with onnxruntime at the wounds of the bundled model, head here and tail there', async () => {
    const onnxruntime = await loadEngine('onnxruntime')
    const model = await loadLayersModel(fileURLToPath(new URL('models/mobilenetv2/', repositoryRoot)))
    const cat = await photoInput(bundledPhoto('cat'), model.manifest)
    const whole = await run(onnxruntime, model, wholeModel(model.graph), [cat])
    const own = await run(xnnpack, model, wholeModel(model.graph), [cat])
    const wounds = [
      ...plannedWounds(model.graph),
      findWound(model.graph, 'block_1_project_BN+block_2_depthwise_relu'),
    ]
    expect(wounds.length).toBeGreaterThan(5)
    for (const wound of wounds) {
      const { head, tail } = cut(model.graph, wound)
      for (const [first, second] of [
        [xnnpack, onnxruntime],
        [onnxruntime, xnnpack],
      ] as const) {
        const crossing = await run(first, model, head, [cat])
        const answer = wound.id === 'local' ? crossing : await run(second, model, tail, crossing)
        const difference = maxAbsDiff(answer[0]!.data, whole[0]!.data)
        expect(difference, `${wound.id}, ${first.name} then ${second.name}`).toBeLessThanOrEqual(1e-4)
      }
      const alone = await run(xnnpack, model, head, [cat])
      const end = wound.id === 'local' ? alone : await run(xnnpack, model, tail, alone)
      expect(maxAbsDiff(end[0]!.data, own[0]!.data), `${wound.id}, bit for bit`).toBe(0)
    }
  })

  test('a chain hands values over where they lie and equals the whole bit for bit', async () => {
    const model = await loadLayersModel(fileURLToPath(new URL('models/mobilenetv2/', repositoryRoot)))
    const { graph } = model
    const cat = await photoInput(bundledPhoto('cat'), model.manifest)
    const own = await run(xnnpack, model, wholeModel(graph), [cat])
    const values = new Map([[graph.inputs[0]!, cat]])
    for (const segment of segmentChain(graph, plannedWounds(graph)).segments) {
      const piece = await xnnpack.compile(model, segment, { threads: 1 })
      const given = segment.inputs.map((id) => values.get(id)!)
      for (const [i, value] of (await piece.runInPlace!(given)).entries())
        values.set(segment.outputs[i]!, value)
    }
    expect(values.get(graph.outputs[0]!)!.data).toEqual(own[0]!.data)
  })

  test('a value that was left in place is refused once the memory holds another', async () => {
    const model = smallModel()
    const whole = await xnnpack.compile(model, wholeModel(model.graph), { threads: 1 })
    const [eager] = await whole.run([smallInput(0)])
    const [left] = await whole.runInPlace!([smallInput(0)])
    const [unread] = await whole.runInPlace!([smallInput(0)])
    expect(() => left!.data).toThrow(/must be read before its segment runs again/)
    expect(unread!.data).toEqual(eager!.data)
    const [last] = await whole.runInPlace!([smallInput(1)])
    await whole.release()
    expect(() => last!.data).toThrow(/must be read before its segment runs again or is released/)
    // What was read before is a copy.
    expect(unread!.data).toEqual(eager!.data)
  })

  test("computes batches and refuses what is not the segment's", async () => {
    const model = smallModel()
    const whole = await xnnpack.compile(model, wholeModel(model.graph), { threads: 1 })
    const members = [smallInput(0), smallInput(5)]
    const data = Float32Array.from(members.flatMap((member) => [...member.data]))
    const [both] = await whole.run([{ shape: [2, 3, 4, 6], data }])
    expect(both!.shape).toEqual([2, 3])
    for (const [index, member] of members.entries()) {
      const [one] = await whole.run([member])
      expect(both!.data.slice(3 * index, 3 * index + 3)).toEqual(one!.data)
    }
    const moved = structuredClone(both!.data, { transfer: [both!.data.buffer] })
    expect(moved.length).toBe(6)
    await expect(whole.run([{ shape: [1, 4, 6, 3], data: data.slice(72) }])).rejects.toThrow(
      /must be \[N, 3, 4, 6\]/,
    )
    await expect(whole.runInPlace!([])).rejects.toThrow(/inputs must be 1, current value is 0/)
    await whole.release()
    await whole.release()
    await expect(whole.run([smallInput(0)])).rejects.toThrow(/must not be released/)
  })

  test('gives what passes by and computes nothing where there is nothing to', async () => {
    const { graph, ...rest } = smallModel()
    const tensor = graph.inputs[0]!
    const empty = { layers: [graph.tensors[tensor]!.producer], inputs: [tensor], outputs: [tensor] }
    const value = smallInput(0)
    expect(await run(xnnpack, { graph, ...rest }, empty, [value])).toEqual([value])
  })

  test('refuses graphs that come from an ONNX file, and classes it does not know', async () => {
    const model = smallModel()
    const layers = model.graph.layers.map((layer) =>
      layer.type === 'InputLayer'
        ? layer
        : { ...layer, definition: { source: 'onnx' as const, nodes: [new Uint8Array()], constants: [] } },
    )
    const onnx = { ...model, graph: { ...model.graph, layers } }
    await expect(xnnpack.compile(onnx, wholeModel(onnx.graph), { threads: 1 })).rejects.toThrow(
      /engine xnnpack must get a layers model, 'c' comes from an ONNX file/,
    )
  })

  test('an argument that C would not survive never gets there', () => {
    const xnn = loadXnnpack()
    expect(() => xnn.deleteSubgraph(0n)).toThrow(/xnn_delete_subgraph: argument 1 must be an address/)
    expect(() => xnn.deleteSubgraph()).toThrow(/arguments must be 1, current value is 0/)
    expect(() => xnn.clamp(1n, Number.NaN, 1, 0, 1, 0)).toThrow(/argument 2 must be a number/)
    expect(() => xnn.sigmoid(1n, -1, 1, 0)).toThrow(/argument 2 must be an unsigned integer of 32 bits/)
  })
})
