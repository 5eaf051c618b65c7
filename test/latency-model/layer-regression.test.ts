import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { median } from 'simple-statistics'
import { expect, test } from 'vitest'
import { type Block, byKind, byOperationsAlone, leaveOneOut } from '../../bench/estimators/leave-one-out.ts'
import { LayerRegression, type MeasuredPiece } from '../../src/latency-model/layer-regression.ts'
import { layerKinds, layerWorks } from '../../src/latency-model/layer-work.ts'
import { graphFromKeras } from '../../src/model-graph/keras-topology.ts'
import { zooModel } from '../../src/model-graph/zoo/zoo.ts'
import { noSharedData, sharedData } from '../shared-data.ts'

const amount = fc.double({ min: 0, max: 1e9, noNaN: true })
const work = fc.record({
  kind: fc.constantFrom(...layerKinds),
  operations: amount,
  bytesMoved: amount,
  weightBytes: amount,
})
const works = fc.array(work, { minLength: 1, maxLength: 6 })
const anyMs = fc.oneof(
  fc.double({ min: 0, max: 1e6, noNaN: true }),
  fc.constantFrom(0, -1, Number.NaN, Infinity),
)

test('LayerRegression learns a machine whose kinds of layers differ', () => {
  // Pieces of one machine, which it was not told: a layer costs by its kind.
  const slowness = { depthwise: 9, pointwise: 1, spatial: 2, dense: 4, pooling: 3, elementwise: 5, rider: 0 }
  const truth = (piece: MeasuredPiece['works']) =>
    piece.reduce((sum, { kind, operations }) => sum + (slowness[kind] * operations) / 1e8, 0.3)
  const pieces = fc.sample(works, { numRuns: 400, seed: 3 })
  const regression = new LayerRegression({ memory: 1 })
  for (const piece of pieces.slice(0, 300)) regression.observe({ works: piece, ms: truth(piece) })
  const errors = pieces.slice(300).map((piece) => Math.abs(regression.predictMs(piece) / truth(piece) - 1))
  expect(median(errors)).toBeLessThan(0.02)
})

test('LayerRegression follows a machine that became slower', () => {
  const pieces = fc.sample(works, { numRuns: 400, seed: 5 })
  const ms = (piece: MeasuredPiece['works']) =>
    piece.reduce((sum, { operations }) => sum + operations / 1e8, 0.1)
  const regression = new LayerRegression({ memory: 0.97 })
  for (const [i, piece] of pieces.entries())
    regression.observe({ works: piece, ms: (i < 200 ? 1 : 3) * ms(piece) })
  const ratios = pieces.map((piece) => regression.predictMs(piece) / ms(piece))
  expect(median(ratios)).toBeGreaterThan(2.7)
  expect(median(ratios)).toBeLessThan(3.3)
})

test('LayerRegression never predicts less than nothing nor what is no number, whatever it was told', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ works, ms: anyMs }), { maxLength: 12 }), works, (told, asked) => {
      const regression = new LayerRegression()
      for (const piece of told) regression.observe(piece)
      const ms = regression.predictMs(asked)
      expect(ms).toBeGreaterThanOrEqual(0)
      expect(Number.isFinite(ms)).toBe(true)
    }),
    { numRuns: 200 },
  )
})

/** Scission's names, ours, and by how much its layers are numbered higher: its MobileNetV2 begins with a padding. */
const measuredModels = [
  ['vgg19', 'vgg19', 0],
  ['resnet50', 'resnet50', 0],
  ['inception_v3', 'inceptionv3', 0],
  ['inceptionresnet_v2', 'inceptionresnetv2', 0],
  ['mobilenet', 'mobilenet-keras22', 0],
  ['mobilenetv2', 'mobilenetv2', 1],
  ['nasnetlarge', 'nasnetlarge', 0],
  ['nasnetmobile', 'nasnetmobile', 0],
] as const

function blocksOf(csv: string): Block[] {
  const rows = readFileSync(csv, 'utf8').trim().split('\n').slice(1)
  return measuredModels.flatMap(([model, ours, shift]) => {
    const graph = graphFromKeras(zooModel(ours).build().topology, { origin: ours })
    const works = layerWorks(graph)
    return rows
      .map((row) => row.split(','))
      .filter(([name]) => name === model)
      .map(([, first, last, seconds]) => {
        const range = [Math.max(0, Number(first) - shift), Number(last) + 1 - shift] as const
        return {
          model,
          works: works.slice(...range).flat(),
          ms: 1000 * Number(seconds),
          operations: graph.layers.slice(...range).reduce((sum, { operations }) => sum + operations, 0),
        }
      })
      .filter((block) => block.works.length > 0)
  })
}

const machines = ['device-raspi4', 'edge-2500', 'cloud-6700k(NoGPU)']

test('LayerRegression predicts models it never saw, on three machines', ({ skip }) => {
  const folder = sharedData('latency/scission')
  skip(folder === undefined, noSharedData)
  for (const machine of machines) {
    const blocks = blocksOf(`${folder}/${machine}.csv`)
    const { whole, block } = leaveOneOut(blocks, byKind)
    // Targets of the benchmark; docs/benchmarks.md has the numbers.
    expect(whole).toBeLessThan(0.15)
    expect(block).toBeLessThan(0.3)
    expect(whole).toBeLessThan(leaveOneOut(blocks, byOperationsAlone).whole / 2)
  }
})
