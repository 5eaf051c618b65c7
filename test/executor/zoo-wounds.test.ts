import { beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import {
  checkNestedWounds,
  checkWounds,
  exampleInputs,
  perplexity,
  prefixHeads,
  runWhole,
  withWeightsHeld,
  woundTolerance,
} from '../../src/executor/parity.ts'
import { findWound } from '../../src/model-graph/find-wound.ts'
import type { LayerGraph } from '../../src/model-graph/layer-graph.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import type { Model } from '../../src/model-graph/model.ts'
import { bestRingWounds } from '../../src/model-graph/ring-wounds.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import type { Wound } from '../../src/model-graph/wound.ts'
import { woundFromHead } from '../../src/model-graph/wound-from-head.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'

/**
 * All of the zoo but the two largest, and of which single-tensor wounds every n-th is cut: blocks repeat, and no n divides
 * the layers of one, so that each place in a block is cut somewhere. All are of MobileNetV2, which is bundled. `surgeon
 * bench engines --parity` does every one of every model.
 */
const models = [
  ['mobilenet', 5],
  ['mobilenet-keras22', 7],
  ['mobilenetv2', 1],
  ['nasnetmobile', 5],
  ['resnet50', 5],
  ['resnet50-keras22', 17],
  ['inceptionv3', 5],
  ['vgg19', 23],
] as const

/** Between each two cells of NASNet: what a calibration may name, as no single tensor crosses there. */
function betweenCells({ layers, ...graph }: LayerGraph): Wound[] {
  const cells = layers.filter(({ name }) => name.includes('_concat_')).map(({ name }) => name)
  return cells.slice(1, -1).map((cell, i) => findWound({ ...graph, layers }, `${cells[i]}+${cell}`))
}

/** Of several tensors at evenly sampled layers, beside those that a planner can choose. */
const sampled = 3

describe.each(models)('zoo:%s with seeded weights', (name, step) => {
  let model: Model
  let inputs: TensorValue[]
  let engine: Engine
  let whole: TensorValue[]

  beforeAll(async () => {
    model = await withWeightsHeld(await loadModel(`zoo:${name}`))
    inputs = exampleInputs(model)
    engine = await loadEngine('onnxruntime')
    whole = await runWhole(model, inputs, { engine, threads: 1 })
  })

  test('spreads its answer: neither one class nor all alike', () => {
    expect(perplexity(whole[0]!)).toBeGreaterThan(4)
    expect(perplexity(whole[0]!)).toBeLessThan(700)
  })

  test(`head + tail equal the whole at every single-tensor wound (of ${step})`, async () => {
    const { graph } = model
    const several = prefixHeads(graph, sampled).map((head) => woundFromHead(graph, head))
    const singles = singleWounds(graph)
      .slice(1, -1)
      .filter((_, i) => i % step === 0)
    const byDepth = [...singles, ...several].map((wound) => [wound.head.length, wound] as const)
    const wounds = [...new Map(byDepth).values()].toSorted((a, b) => a.head.length - b.head.length)
    const report = await checkNestedWounds(model, wounds, inputs, whole, { engine, threads: 1 })
    expect(report.checked).toBe(wounds.length)
    expect(report.maxAbsDiff, `at ${report.worst}`).toBeLessThanOrEqual(woundTolerance)
  })

  test('head + tail equal the whole at every wound that the planner can choose, and the best inside rings', async () => {
    const { graph } = model
    const wounds = [
      ...plannedWounds(graph),
      ...bestRingWounds(graph, singleWounds(graph)),
      ...betweenCells(graph),
    ]
    expect(wounds.length).toBeGreaterThan(name === 'nasnetmobile' ? 20 : 2)
    const report = await checkWounds(model, wounds, inputs, whole, { engine, threads: 1 })
    expect(report.checked).toBe(wounds.length)
    expect(report.maxAbsDiff, `at ${report.worst}`).toBeLessThanOrEqual(woundTolerance)
  })
})
