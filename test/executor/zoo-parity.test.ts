import { beforeAll, describe, expect, test } from 'vitest'
import type { Engine, TensorValue } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import {
  checkWounds,
  engineTolerance,
  exampleInputs,
  prefixHeads,
  relativeDifference,
  runWhole,
  woundTolerance,
} from '../../src/executor/parity.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import type { Model } from '../../src/model-graph/model.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import type { Wound } from '../../src/model-graph/wound.ts'
import { woundFromHead } from '../../src/model-graph/wound-from-head.ts'
import { tensorflowWhereSetUp } from './tensorflow-setup.ts'

/**
 * Single-tensor wounds of which every n-th is cut here, and how many of several tensors. `surgeon bench engines
 * --parity` cuts every one of every model, the two largest included.
 */
const models = [
  { name: 'mobilenet', every: 6, several: 0 },
  { name: 'mobilenetv2', every: 10, several: 3 },
  { name: 'nasnetmobile', every: 1, several: 4 },
  { name: 'resnet50', every: 8, several: 2 },
  { name: 'resnet50-keras22', every: 20, several: 0 },
  { name: 'inceptionv3', every: 8, several: 2 },
  { name: 'vgg19', every: 13, several: 0 },
] as const

/** Their layer classes are those of others, which are quicker. */
const similarToOthers = new Set<string>(['vgg19', 'resnet50-keras22'])

const tensorflow = await tensorflowWhereSetUp()

describe.each(models)('$name with seeded weights', ({ name, every, several }) => {
  let model: Model
  let inputs: TensorValue[]
  let native: Engine
  let whole: TensorValue[]

  beforeAll(async () => {
    model = await loadModel(`zoo:${name}`)
    inputs = exampleInputs(model)
    native = await loadEngine('onnxruntime')
    whole = await runWhole(model, inputs, { engine: native, threads: 1 })
  })

  /** Every `step`-th single wound and `count` of more tensors. */
  function wounds(step: number, count: number): Wound[] {
    const { graph } = model
    const single = singleWounds(graph).filter((_, i) => i % step === 0)
    return [...single, ...prefixHeads(graph, count).map((head) => woundFromHead(graph, head))]
  }

  test('spreads its answer: neither one class nor all alike', () => {
    const { data } = whole[0]!
    const entropy = -data.reduce((sum, p) => (p > 0 ? sum + p * Math.log(p) : sum), 0)
    expect(Math.exp(entropy)).toBeGreaterThan(4)
    expect(Math.exp(entropy)).toBeLessThan(700)
  })

  test('head + tail equal the whole', async () => {
    const cuts = wounds(every, several)
    const report = await checkWounds(model, cuts, inputs, whole, { engine: native, threads: 1 })
    expect(report.checked).toBe(cuts.length)
    expect(report.maxAbsDiff, `at ${report.worst}`).toBeLessThanOrEqual(woundTolerance)
  }, 120_000)

  if (similarToOthers.has(name)) return
  test('engines agree, and cut between them', async () => {
    const others = [await loadEngine('wasm'), ...(tensorflow === undefined ? [] : [tensorflow])]
    const middle = singleWounds(model.graph)
    const cuts = [middle[Math.floor(middle.length / 2)]!]
    for (const engine of others) {
      const own = await runWhole(model, inputs, { engine, threads: 2 })
      expect(relativeDifference(own, whole), `engine ${engine.name}`).toBeLessThanOrEqual(engineTolerance)
      for (const [head, tail] of [
        [native, engine],
        [engine, native],
      ] as const) {
        const pair = { engine: head, tailEngine: tail, threads: 2 }
        const { maxAbsDiff } = await checkWounds(model, cuts, inputs, whole, pair)
        expect(maxAbsDiff, `${head.name} then ${tail.name}`).toBeLessThanOrEqual(woundTolerance)
      }
    }
  }, 120_000)
})
