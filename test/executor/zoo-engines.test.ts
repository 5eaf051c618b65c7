import { expect, test } from 'vitest'
import { loadEngine } from '../../src/executor/load-engine.ts'
import {
  compareEngines,
  engineTolerance,
  exampleInputs,
  runWhole,
  withWeightsHeld,
  woundTolerance,
} from '../../src/executor/parity.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import { plannedWounds } from '../../src/scheduler/candidate-wounds.ts'
import { tensorflowWhereSetUp } from './tensorflow-setup.ts'

const reference = await loadEngine('onnxruntime')
const tensorflow = await tensorflowWhereSetUp()
const others = [await loadEngine('wasm'), ...(tensorflow === undefined ? [] : [tensorflow])]

/** One of each class of the zoo that is not too large; `surgeon bench engines --parity` does the others, too. */
test.each(['mobilenet', 'mobilenetv2', 'nasnetmobile', 'resnet50', 'inceptionv3'])(
  'engines agree on %s, and cut between them',
  async (name) => {
    const threads = 2
    const model = await withWeightsHeld(await loadModel(`zoo:${name}`))
    const { graph } = model
    const inputs = exampleInputs(model)
    const whole = await runWhole(model, inputs, { engine: reference, threads })
    const singles = singleWounds(graph)
    const wounds = [
      singles[Math.floor(singles.length / 2)]!,
      ...plannedWounds(graph).filter(({ tensors }) => tensors.length > 1),
    ]
    for (const other of others) {
      const report = await compareEngines(model, wounds, inputs, whole, { reference, other, threads })
      expect(report.relativeDifference, `engine ${other.name}`).toBeLessThanOrEqual(engineTolerance)
      expect(report.cut.checked).toBe(2 * wounds.length)
      expect(report.cut.maxAbsDiff, `${other.name} at ${report.cut.worst}`).toBeLessThanOrEqual(
        woundTolerance,
      )
    }
  },
)
