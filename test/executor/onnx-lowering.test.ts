import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import * as fc from 'fast-check'
import { ModelProtoSchema } from 'onnx-buf'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { blocksChannels } from '../../src/executor/onnx/blocks-channels.ts'
import { lowerSegment } from '../../src/executor/onnx/lower-segment.ts'
import { cut, wholeModel } from '../../src/model-graph/cut.ts'
import { borderShape, type GraphTensor } from '../../src/model-graph/layer-graph.ts'
import type { Segment } from '../../src/model-graph/segment.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import { woundFromHead } from '../../src/model-graph/wound-from-head.ts'
import { nativeOnnxRuntime, webAssemblyOnnxRuntime } from '../../src/onnx/onnx-runtime.ts'
import { serialiseModel } from '../../src/onnx/write-message.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import { input, kerasTopology, type LayerSketch, randomTensor, sketchModel } from '../keras-model.ts'
import { maxAbsDiff } from '../model-input.ts'
import { layerDifference, layerTolerance, toBorder } from './layer-difference.ts'
import { mergingLayers, singleLayers, sketchInput } from './layer-sketches.ts'

let engine: Engine

beforeAll(async () => {
  engine = await loadEngine('onnxruntime')
})

const windowed = {
  strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  padding: fc.constantFrom('same', 'valid'),
}
const kernel = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }))
const mapSize = fc.tuple(fc.integer({ min: 4, max: 9 }), fc.integer({ min: 4, max: 9 }))

test('convolutions of every kind equal the plain reference, with and without bias, normalisation and activation', async () => {
  const layer = fc.record({
    ...windowed,
    kernel_size: kernel,
    use_bias: fc.boolean(),
    activation: fc.constantFrom('linear', 'relu', 'relu6', 'softmax', 'sigmoid'),
  })
  const kind = fc.constantFrom(
    ['Conv2D', { filters: 6 }],
    ['Conv2D', { filters: 4, groups: 2 }],
    ['DepthwiseConv2D', { depth_multiplier: 1 }],
    ['DepthwiseConv2D', { depth_multiplier: 3 }],
    ['SeparableConv2D', { filters: 5, depth_multiplier: 2 }],
    ['Conv2DTranspose', { filters: 3 }],
  ) as fc.Arbitrary<[string, Record<string, unknown>]>
  await fc.assert(
    fc.asyncProperty(
      mapSize,
      layer,
      kind,
      fc.boolean(),
      fc.boolean(),
      async ([h, w], config, [name, extra], normalised, scale) => {
        const sketch: LayerSketch[] = [input(h, w, 4), ['c', name, { ...config, ...extra }, 'in']]
        if (normalised) sketch.push(['n', 'BatchNormalization', { scale, epsilon: 0.01 }, 'c'])
        expect(await difference(sketch)).toBeLessThan(layerTolerance)
      },
    ),
    { numRuns: 120 },
  )
})

test('dilated convolutions equal the plain reference', async () => {
  for (const padding of ['same', 'valid']) {
    const config = { filters: 2, kernel_size: [3, 2], dilation_rate: [2, 3], padding }
    expect(await difference([input(9, 8, 3), ['c', 'Conv2D', config, 'in']])).toBeLessThan(layerTolerance)
  }
})

test('pooling equals the plain reference: padding never counts', async () => {
  const layer = fc.record({ ...windowed, pool_size: kernel })
  const kind = fc.constantFrom('MaxPooling2D', 'AveragePooling2D')
  await fc.assert(
    fc.asyncProperty(mapSize, layer, kind, async ([h, w], config, name) => {
      expect(await difference([input(h, w, 2), ['p', name, config, 'in']])).toBeLessThan(layerTolerance)
    }),
    { numRuns: 60 },
  )
})

const map = sketchInput

function difference(sketch: readonly LayerSketch[], outputs?: string[]): Promise<number> {
  return layerDifference(engine, sketch, outputs)
}

test.each(singleLayers.map((layer): [string, LayerSketch] => [layer[0], layer]))(
  '%s equals the plain reference',
  async (_, layer) => {
    expect(await difference([map, layer])).toBeLessThan(layerTolerance)
  },
)

describe('graphs', () => {
  test('merging layers equal the plain reference, stretched axes too', async () => {
    const { sketch, outputs } = mergingLayers()
    expect(await difference(sketch, outputs)).toBeLessThan(layerTolerance)
  })

  test("flattening before a dense layer keeps Keras's order, rows before columns before channels", async () => {
    const sketch: LayerSketch[] = [
      map,
      ['f', 'Flatten', {}, 'in'],
      ['d', 'Dense', { units: 7, activation: 'relu' }, 'f'],
      ['n', 'BatchNormalization', {}, 'd'],
      ['e', 'Dense', { units: 4, use_bias: false }, 'n'],
      ['m', 'BatchNormalization', { center: false }, 'e'],
      ['s', 'Activation', { activation: 'softmax' }, 'm'],
    ]
    expect(await difference(sketch)).toBeLessThan(layerTolerance)
  })

  test('a normalisation is not taken into a layer whose own values are wanted elsewhere', async () => {
    const conv: LayerSketch = ['c', 'Conv2D', { filters: 3, kernel_size: 1 }, 'in']
    const norm: LayerSketch = ['n', 'BatchNormalization', {}, 'c']
    expect(await difference([map, conv, norm, ['sum', 'Add', {}, 'c', 'n']])).toBeLessThan(layerTolerance)
    expect(await difference([map, conv, norm], ['c', 'n'])).toBeLessThan(layerTolerance)
  })

  test('head and tail equal the whole at every wound of a ring, the input crossing it too', async () => {
    const model = sketchModel(
      kerasTopology([
        map,
        ['c', 'Conv2D', { filters: 3, kernel_size: 3, padding: 'same' }, 'in'],
        ['n', 'BatchNormalization', {}, 'c'],
        ['r', 'ReLU', { max_value: 6 }, 'n'],
        ['sum', 'Add', {}, 'r', 'in'],
        ['f', 'Flatten', {}, 'sum'],
        ['d', 'Dense', { units: 4, activation: 'softmax' }, 'f'],
      ]),
    )
    const { graph } = model
    const photo = toBorder({ shape: [4, 6, 3], data: randomTensor(graph, 0, 5) })
    const run = async (
      segment: Parameters<Engine['compile']>[1],
      inputs: TensorValue[],
    ): Promise<TensorValue[]> => {
      const executable = await engine.compile(model, segment, { threads: 1 })
      return executable.run(inputs)
    }
    const [whole] = await run(wholeModel(graph), [photo])
    const wounds = [
      ...singleWounds(graph),
      ...[
        [0, 1],
        [0, 1, 2],
        [0, 1, 2, 3],
      ].map((head) => woundFromHead(graph, head)),
    ]
    expect(wounds.map(({ id }) => id)).toEqual(['input', 'sum', 'f', 'local', 'in+c', 'in+n', 'in+r'])
    const wrong: string[] = []
    for (const wound of wounds) {
      const { head, tail } = cut(graph, wound)
      const crossing = await run(head, [photo])
      const shapes = crossing.map(({ shape }) => shape.slice(1))
      expect(shapes).toEqual(head.outputs.map((id) => borderShape(graph.tensors[id] as GraphTensor)))
      const [answer] = wound.id === 'local' ? crossing : await run(tail, crossing)
      const difference = maxAbsDiff(answer!.data, whole!.data)
      if (!(difference < 1e-5)) wrong.push(`${wound.id}: ${difference}`)
    }
    expect(wrong).toEqual([])
  })
})

/** A residual path of three sums, as within a stage of a ResNet. */
const residualPath: LayerSketch[] = [
  input(8, 8, 16),
  ...[0, 1, 2].flatMap((n): LayerSketch[] => [
    [`c${n}`, 'Conv2D', { filters: 16, kernel_size: [3, 3], padding: 'same' }, n === 0 ? 'in' : `s${n - 1}`],
    [`s${n}`, 'Add', {}, `c${n}`, n === 0 ? 'in' : `s${n - 1}`],
  ]),
]

describe('a tail that begins on a residual path', () => {
  const model = sketchModel(kerasTopology(residualPath))
  const wound = singleWounds(model.graph).find(({ id }) => id === 's0')!

  test('has its sums fused into convolutions, as the whole has', async ({ skip }) => {
    skip(!(await blocks('all')), 'this build of the runtime has no blocked layout')
    expect(await optimisedOperators(cut(model.graph, wound).tail)).not.toContain('Add')
  })

  test('is left as it is for a runtime that blocks nothing, as on arm64', async () => {
    // Without its last optimisations no build blocks.
    expect(await blocks('extended')).toBe(false)
    const operators = (entersBlocked: boolean) =>
      lowerSegment(model, cut(model.graph, wound).tail, entersBlocked).nodes.map(({ opType }) => opType)
    expect(operators(false)).toEqual(['Conv', 'Add', 'Conv', 'Add'])
    expect(operators(true)).toEqual(['AveragePool', 'Conv', 'Add', 'Conv', 'Add'])
  })

  test('is blocked on x64, and on a runtime that cannot be looked into nothing is assumed', async ({
    skip,
  }) => {
    expect(await blocksChannels(await webAssemblyOnnxRuntime(), { logSeverityLevel: 4 })).toBe(false)
    skip(process.arch !== 'x64', 'only the x64 builds of the runtime have the blocked layout for certain')
    expect(await blocks('all')).toBe(true)
  })

  test('lets what is not a number through to where it is refused', async () => {
    const tail = await engine.compile(model, cut(model.graph, wound).tail, { threads: 1 })
    const crossing = toBorder({ shape: [8, 8, 16], data: randomTensor(model.graph, 0, 1) })
    crossing.data[100] = Number.NaN
    const [answer] = await tail.run([crossing])
    expect(answer!.data.some(Number.isNaN)).toBe(true)
  })

  function blocks(graphOptimizationLevel: 'extended' | 'all'): Promise<boolean> {
    return blocksChannels(nativeOnnxRuntime(), { graphOptimizationLevel, logSeverityLevel: 4 })
  }

  async function optimisedOperators(segment: Segment): Promise<string[]> {
    const directory = await mkdtemp(join(tmpdir(), 'surgeon-'))
    try {
      const path = join(directory, 'optimised.onnx')
      const session = await nativeOnnxRuntime().InferenceSession.create(
        await serialiseModel(lowerSegment(model, segment, true)),
        {
          optimizedModelFilePath: path,
          logSeverityLevel: 4,
        },
      )
      await session.release()
      const { graph } = fromBinary(ModelProtoSchema, await readFile(path))
      return graph!.node.map(({ opType }) => opType)
    } finally {
      await rm(directory, { recursive: true })
    }
  }
})
