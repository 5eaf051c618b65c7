import { fileURLToPath } from 'node:url'
import { beforeEach, describe, expect, test } from 'vitest'
import { calibratePrecision } from '../../src/calibration/precision.ts'
import { type Engine, type Precision, withPrecision } from '../../src/executor/engine.ts'
import { InferenceHost } from '../../src/executor/inference-host.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { keyIn, segmentChain } from '../../src/executor/segment-chain.ts'
import { loadXnnpack } from '../../src/executor/xnnpack/library.ts'
import { wholeModel } from '../../src/model-graph/cut.ts'
import { loadLayersModel } from '../../src/model-graph/load-layers-model.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import { crops } from '../crops.ts'
import { input, kerasTopology, type LayerSketch, sketchModel } from '../keras-model.ts'
import { bundledPhoto, maxAbsDiff, photoInput } from '../model-input.ts'
import { repositoryRoot } from '../paths.ts'
import { cutDifferences, expectSameNames, runOnce } from './rounded-engine.ts'
import { noXnnpack, xnnpackWhereInstalled } from './xnnpack-setup.ts'

const found = await xnnpackWhereInstalled()
const isLater = found !== undefined && loadXnnpack().roundedTensor !== undefined
const source = fileURLToPath(new URL('models/mobilenetv2/', repositoryRoot))

const [rows, columns, channels] = [5, 6, 64]

/** Not around 0, as what an activation leaves. */
function mapInput(depth = channels): TensorValue {
  const data = new Float32Array(rows * columns * depth).map((_, i) => 3 * Math.sin(i * 1.7) + 2)
  return { shape: [1, depth, rows, columns], data }
}

function sketchOf(...layers: LayerSketch[]) {
  return sketchModel(kerasTopology([input(rows, columns, channels), ...layers]))
}

describe('engine xnnpack in int8', () => {
  beforeEach(({ skip }) => {
    skip(found === undefined, noXnnpack)
    skip(!isLater, 'int8 needs the XNNPACK of Debian 13 (libxnnpack0.20241108)')
  })

  const exact = found!
  const rounded = withPrecision(exact, 'int8')

  test.each([
    ['a pointwise convolution', 'Conv2D', { filters: 7, kernel_size: 1 }, 'kernel'],
    ['a convolution', 'Conv2D', { filters: 7, kernel_size: [3, 2], padding: 'same', strides: 2 }, 'kernel'],
    ['a matrix product at each place', 'Dense', { units: 7 }, 'kernel'],
  ] as const)('%s is as near to float32 as rounding by steps allows', async (_, type, config, kernel) => {
    const model = sketchOf(['c', type, { ...config, use_bias: true }, 'in'])
    const given = mapInput()
    const [near, same] = [
      await runOnce(rounded, model, wholeModel(model.graph), [given]),
      await runOnce(exact, model, wholeModel(model.graph), [given]),
    ]
    const weights = model.values.get(`c/${kernel}`)!
    const outputs = 7
    const read = weights.length / outputs
    const largest = Math.max(...given.data.map(Math.abs))
    // What is read is off by half a step, and by as much for where 0 comes to lie; 255 steps from least to largest.
    const step = (Math.max(...given.data, 0) - Math.min(...given.data, 0)) / 255
    for (let output = 0; output < outputs; output++) {
      let [sum, most] = [0, 0]
      for (let i = output; i < weights.length; i += outputs) {
        sum += Math.abs(weights[i]!)
        most = Math.max(most, Math.abs(weights[i]!))
      }
      const bound = step * sum + (most / 127 / 2) * read * (largest + step)
      const places = near[0]!.data.length / outputs
      for (let i = output * places; i < (output + 1) * places; i++)
        expect(Math.abs(near[0]!.data[i]! - same[0]!.data[i]!)).toBeLessThanOrEqual(bound)
    }
    // Rounding does show.
    expect(maxAbsDiff(near[0]!.data, same[0]!.data)).toBeGreaterThan(1e-4)
  })

  test('a normalisation and an activation are taken in as in float32', async () => {
    const model = sketchOf(
      ['c', 'SeparableConv2D', { filters: 64, kernel_size: 3, padding: 'same', use_bias: false }, 'in'],
      ['n', 'BatchNormalization', {}, 'c'],
      ['r', 'ReLU', { max_value: 6 }, 'n'],
      ['d', 'Dense', { units: 9, activation: 'softmax' }, 'r'],
    )
    const [near] = await runOnce(rounded, model, wholeModel(model.graph), [mapInput()])
    const [same] = await runOnce(exact, model, wholeModel(model.graph), [mapInput()])
    expect(Math.min(...near!.data)).toBeGreaterThanOrEqual(0)
    const difference = maxAbsDiff(near!.data, same!.data)
    expect(difference).toBeGreaterThan(0)
    expect(difference).toBeLessThan(0.2)
  })

  test('what reads few channels, has groups or is depthwise stays as it is', async () => {
    const layers: [string, Record<string, unknown>][] = [
      ['Conv2D', { filters: 64, kernel_size: 3, groups: 2 }],
      ['DepthwiseConv2D', { kernel_size: 3 }],
      ['Conv2DTranspose', { filters: 3, kernel_size: 2 }],
    ]
    for (const [type, config] of layers) {
      const model = sketchOf(['c', type, config, 'in'])
      const [near] = await runOnce(rounded, model, wholeModel(model.graph), [mapInput()])
      const [same] = await runOnce(exact, model, wholeModel(model.graph), [mapInput()])
      expect(near!.data, `class ${type}`).toEqual(same!.data)
    }
    const picture = sketchModel(
      kerasTopology([input(rows, columns, 3), ['c', 'Conv2D', { filters: 9, kernel_size: 3 }, 'in']]),
    )
    const [near] = await runOnce(rounded, picture, wholeModel(picture.graph), [mapInput(3)])
    const [same] = await runOnce(exact, picture, wholeModel(picture.graph), [mapInput(3)])
    expect(near!.data).toEqual(same!.data)
  })

  test('names the bundled photos as float32 does; head and tail equal the whole bit for bit', async () => {
    const model = await loadLayersModel(source)
    await expectSameNames(model, { rounded, exact }, 0.2)
    const wounds = plannedWounds(model.graph).slice(1, -1)
    expect(await cutDifferences(rounded, model, wounds)).toEqual(
      Object.fromEntries(wounds.map(({ id }) => [id, 0])),
    )
  })

  test('is compared with float32 on pictures, with what it takes', async () => {
    const images = await crops()
    let ms = 0
    const { row, accuracy, timeRatio } = await calibratePrecision({
      model: await loadLayersModel(source),
      engine: exact,
      precision: 'int8',
      threads: 1,
      architecture: 'this one',
      images,
      now: () => ms++,
      progress: () => undefined,
    })
    expect(row).toMatchObject({
      wound: 'local',
      codec: 'int8',
      images: images.length,
      bytesMean: 0,
      architecture: 'this one',
    })
    expect(row.agreement).toBeGreaterThanOrEqual(0.8)
    expect(row.klDivergence).toBeGreaterThan(0)
    expect(row.klDivergence).toBeLessThan(0.1)
    expect(row.accuracy! - accuracy!).toBeCloseTo((row.won! - row.lost!) / images.length, 3)
    expect(timeRatio).toBe(1)
  })

  test('is held beside float32 by one inference thread, each under its own keys', async () => {
    const model = await loadLayersModel(source)
    const { graph } = model
    const photo = await photoInput(bundledPhoto('cat'), model.manifest)
    const chain = segmentChain(graph, plannedWounds(graph))
    const host = new InferenceHost({ model: source, engine: 'xnnpack', threads: 1, slowdown: 1 })
    await host.start()
    const answers: TensorValue[] = []
    for (const precision of ['float32', 'int8'] satisfies Precision[]) {
      for (const segment of chain.segments) await host.load(keyIn(precision, segment), segment, precision)
    }
    for (const precision of ['float32', 'int8'] satisfies Precision[]) {
      const { values } = await host.run({
        request: precision,
        segments: chain.segments.map((segment) => keyIn(precision, segment)),
        input: { kind: 'values', tensors: graph.inputs, values: [photo] },
        output: graph.outputs,
        keep: false,
        values: true,
      })
      answers.push(values[0]!)
    }
    await host.stop()
    const whole = async (engine: Engine) => (await runOnce(engine, model, wholeModel(graph), [photo]))[0]!
    expect(answers[0]!.data).toEqual((await whole(exact)).data)
    expect(answers[1]!.data).toEqual((await whole(rounded)).data)
  })
})

describe('int8 where it is not to be had', () => {
  const model = sketchOf(['d', 'Dense', { units: 2 }, 'in'])
  const compile = (engine: Engine) =>
    withPrecision(engine, 'int8').compile(model, wholeModel(model.graph), { threads: 1 })

  test('the older library is told with the package to install', async ({ skip }) => {
    skip(found === undefined, noXnnpack)
    skip(isLater, 'this is the newer library')
    await expect(compile(found!)).rejects.toThrow(
      /must be that of libxnnpack0\.20241108 \(Debian 13\) or newer, current value is libXNNPACK\.so\.0/,
    )
  })

  test.each(['onnxruntime', 'wasm'] as const)('engine %s says which engine has it', async (name) => {
    await expect(compile(await loadEngine(name))).rejects.toThrow(
      /precision of engine \w+ must be float32, current value is int8; engine xnnpack has it/,
    )
  })
})
