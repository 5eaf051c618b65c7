import { beforeEach, describe, expect, test } from 'vitest'
import { loadEngine } from '../../src/executor/load-engine.ts'
import {
  checkNestedWounds,
  compareEngines,
  engineTolerance,
  exampleInputs,
  runWhole,
  withWeightsHeld,
  woundTolerance,
} from '../../src/executor/parity.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import { noXnnpack, xnnpackWhereInstalled } from './xnnpack-setup.ts'

/**
 * One of each class of the zoo, and of which single-tensor wounds every n-th is cut: blocks repeat. `surgeon bench engines
 * --parity --engines xnnpack` does every one of every model.
 */
const models = [
  ['mobilenet', 11],
  ['mobilenetv2', 5],
  ['nasnetmobile', 11],
  ['resnet50', 23],
  ['inceptionv3', 23],
  ['vgg19', 50],
] as const

const xnnpack = await xnnpackWhereInstalled()

describe('engine xnnpack', () => {
  beforeEach(({ skip }) => skip(xnnpack === undefined, noXnnpack))

  test.each(models)(
    "gives onnxruntime's answers on %s, and cut at every single-tensor wound (of %i)",
    async (name, step) => {
      const model = await withWeightsHeld(await loadModel(`zoo:${name}`))
      const inputs = exampleInputs(model)
      const reference = await loadEngine('onnxruntime')
      const whole = await runWhole(model, inputs, { engine: reference, threads: 1 })
      const singles = singleWounds(model.graph).slice(1, -1)
      const wounds = singles.filter((_, i) => i % step === 0)
      const options = { engine: xnnpack!, threads: 1 }
      const report = await checkNestedWounds(model, wounds, inputs, whole, options)
      expect(report.checked).toBe(wounds.length)
      expect(report.maxAbsDiff, `at ${report.worst}`).toBeLessThanOrEqual(woundTolerance)
      const middle = [singles[Math.floor(singles.length / 2)]!]
      const pair = { reference, other: xnnpack!, threads: 1 }
      const agreement = await compareEngines(model, middle, inputs, whole, pair)
      expect(agreement.relativeDifference).toBeLessThanOrEqual(engineTolerance)
      expect(agreement.cut.maxAbsDiff, `at ${middle[0]!.id}`).toBeLessThanOrEqual(woundTolerance)
    },
  )
})
