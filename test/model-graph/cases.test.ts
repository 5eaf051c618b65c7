import { describe, expect, test } from 'vitest'
import { onnxruntimeEngine } from '../../src/executor/onnxruntime-engine.ts'
import { runWhole } from '../../src/executor/parity.ts'
import { verifyWounds } from '../../src/executor/verify-wounds.ts'
import { inputsInRange } from '../../src/executor/whole-number-inputs.ts'
import { type LoadModelOptions, loadModel } from '../../src/model-graph/load-model.ts'
import { bestRingWounds } from '../../src/model-graph/ring-wounds.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import { nativeOnnxRuntime } from '../../src/onnx/onnx-runtime.ts'
import { noSharedData, sharedData } from '../shared-data.ts'
import { runRaw } from './raw-onnx.ts'

interface Case {
  /** Of the outputs that are computed. */
  readonly outputs: readonly string[]
  /** Wounds besides `input` and `local`. */
  readonly wounds: readonly string[]
  readonly constants?: readonly string[]
  readonly classNames?: readonly string[]
  readonly options?: LoadModelOptions
}

const cases: Readonly<Record<string, Case>> = {
  'constant-output': { outputs: ['y'], wounds: ['r'], constants: ['anchors_out'] },
  'detector-raw-boxes': { outputs: ['y'], wounds: ['c1', 'r1', 'c2', 'r2', 'c3', 'b+s0', 'o'] },
  'empty-tensor': { outputs: ['y'], wounds: ['r', 'c'] },
  'integers-cross': { outputs: ['y'], wounds: ['c1', 'r1', 'f', 'v', 'e', 's'] },
  'labels-first': { outputs: ['label', 'p'], wounds: ['c', 'g', 'l', 'p'] },
  'minus-infinity-crosses': { outputs: ['y'], wounds: ['c3', 'q', 't0'] },
  'sensor-window': { outputs: ['y'], wounds: ['t', 'c', 'f', 'l'] },
  'sequence-between-layers': { outputs: ['y'], wounds: ['r', 's', 'b'] },
  'size-from-value': { outputs: ['y'], wounds: ['c1', 'c3+mean'] },
  'state-in-out': { outputs: ['y', 'hn'], wounds: ['o'] },
  'zipmap-output': { outputs: ['label', 'n'], wounds: [], classNames: ['0', '1', '2'] },
}

describe('loadModel takes the model files that failed', () => {
  for (const [name, expected] of Object.entries(cases)) {
    test(`${name} as expected`, async ({ skip }) => {
      const path = sharedData(`cases/models/${name}/${name}.onnx`)
      skip(path === undefined, noSharedData)
      const model = await loadModel(path!, expected.options)
      const { graph, constantOutputs, classNames } = model
      expect(graph.outputs.map((id) => graph.tensors[id]!.name)).toEqual(expected.outputs)
      expect([...constantOutputs!.keys()]).toEqual(expected.constants ?? [])
      expect(classNames).toEqual(expected.classNames ?? [])

      const engine = onnxruntimeEngine()
      const inputs = inputsInRange(model, 2, 3)
      const whole = await runWhole(model, inputs, { engine, threads: 1 })
      const raw = await runRaw(path!, model, inputs)
      for (const [i, output] of expected.outputs.entries()) {
        if (!raw.has(output)) continue
        const difference = whole[i]!.data.map((value, at) => Math.abs(value - raw.get(output)![at]!))
        expect([output, whole[i]!.data.length]).toEqual([output, raw.get(output)!.length])
        expect(Math.max(...difference)).toBeLessThan(1e-4)
      }

      const singles = singleWounds(graph)
      const wounds = [...singles, ...bestRingWounds(graph, singles)]
      expect(wounds.map(({ id }) => id)).toEqual(expect.arrayContaining([...expected.wounds]))
      const report = await verifyWounds(model, engine, wounds, { threads: 1 })
      expect(report.maxAbsDiff).toBeLessThan(1e-5)
    })
  }

  test('fixed-input-value', async ({ skip }) => {
    const path = sharedData('cases/models/fixed-input-value/fixed-input-value.onnx')
    skip(path === undefined, noSharedData)
    const rates = { 8000: [1, 8], 16_000: [1, 16] }
    const hashes = new Set<string>()
    for (const [rate, x] of Object.entries(rates)) {
      const model = await loadModel(path!, { inputShapes: { x }, inputValues: { rate: Number(rate) } })
      hashes.add(model.hash)
      const { graph } = model
      expect(graph.inputs.map((id) => graph.tensors[id]!.name)).toEqual(['x'])
      const inputs = inputsInRange(model, 1, 1)
      const engine = onnxruntimeEngine()
      const [whole] = await runWhole(model, inputs, { engine, threads: 1 })
      const { Tensor } = nativeOnnxRuntime()
      const given = { rate: new Tensor('int64', [BigInt(rate)], []) }
      const [raw] = (await runRaw(path!, model, inputs, given)).values()
      expect(whole!.data).toEqual(raw)
      const report = await verifyWounds(model, engine, singleWounds(graph), { threads: 1 })
      expect(report.maxAbsDiff).toBe(0)
    }
    expect(hashes.size).toBe(2)
  })
})
