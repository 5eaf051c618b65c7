import { create } from '@bufbuild/protobuf'
import { TensorProtoSchema, TensorProto_DataType as Type } from 'onnx-buf'
import { expect, test } from 'vitest'
import type { Engine } from '../../src/executor/engine.ts'
import { onnxruntimeEngine } from '../../src/executor/onnxruntime-engine.ts'
import { largestDifference } from '../../src/executor/parity.ts'
import { verifyWounds } from '../../src/executor/verify-wounds.ts'
import { inputsInRange } from '../../src/executor/whole-number-inputs.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import { onnxNode } from '../../src/onnx/onnx-message.ts'
import {
  type FileParts,
  floats,
  onnxBytes,
  onnxFile,
  value,
  weights,
} from '../model-graph/onnx/onnx-files.ts'

async function load(parts: FileParts) {
  const { path } = await onnxFile(onnxBytes(parts))
  return loadModel(path)
}

async function verify(parts: FileParts, engine: Engine = onnxruntimeEngine()) {
  const model = await load(parts)
  return verifyWounds(model, engine, singleWounds(model.graph), { threads: 1 })
}

const infinity = floats('big', [], Float32Array.of(Infinity))

test('largestDifference wants the same infinities and NaN in the same places', () => {
  const tensor = (...values: number[]) => ({ shape: [1, values.length], data: Float32Array.from(values) })
  expect(largestDifference(tensor(Infinity, NaN, 1), tensor(Infinity, NaN, 1))).toBe(0)
  expect(largestDifference(tensor(Infinity), tensor(-Infinity))).toBe(Infinity)
  expect(largestDifference(tensor(NaN, 1), tensor(1, NaN))).toBe(Infinity)
  expect(largestDifference(tensor(Infinity), tensor(1e30))).toBe(Infinity)
  expect(largestDifference(tensor(1, 2), { shape: [2], data: Float32Array.of(1, 2) })).toBe(Infinity)
})

test('verifyWounds judges each output by its own range, infinities aside', async () => {
  const parts: FileParts = {
    inputs: [value('x', [1, 4])],
    outputs: [value('small', [1, 4]), value('large', [1, 4])],
    initializers: [infinity],
    nodes: [
      onnxNode('Tanh', ['x'], ['t']),
      onnxNode('Exp', ['t'], ['small']),
      onnxNode('Mul', ['t', 'big'], ['large']),
    ],
  }
  const { maxAbsDiff } = await verify(parts)
  expect(maxAbsDiff).toBe(0)
  const engine = onnxruntimeEngine()
  const wrong: Engine = {
    ...engine,
    async compile(model, segment, options) {
      const executable = await engine.compile(model, segment, options)
      const isTail = !segment.inputs.some((id) => model.graph.inputs.includes(id))
      return {
        ...executable,
        async run(inputs) {
          const outputs = await executable.run(inputs)
          if (isTail) outputs[0]!.data[0]! += 0.01
          return outputs
        },
      }
    },
  }
  expect((await verify(parts, wrong)).maxAbsDiff).toBeGreaterThan(1e-3)
})

test('verifyWounds gives whole numbers that a model takes, and masks of ones and zeros', async () => {
  const parts: FileParts = {
    inputs: [value('ids', [1, 16], Type.INT64), value('attention_mask', [1, 16], Type.INT64)],
    outputs: [value('y', [1, 16, 3])],
    initializers: [
      weights('table', [50, 3]),
      create(TensorProtoSchema, { name: 'last', dims: [1n], dataType: Type.INT64, int64Data: [2n] }),
    ],
    nodes: [
      onnxNode('Gather', ['table', 'ids'], ['e']),
      onnxNode('Cast', ['attention_mask'], ['m'], { to: { int: Type.FLOAT } }),
      onnxNode('Unsqueeze', ['m', 'last'], ['column']),
      onnxNode('Mul', ['e', 'column'], ['y']),
    ],
  }
  expect(await verify(parts)).toMatchObject({ maxAbsDiff: 0, isSilent: false, silentOutputs: [] })
  const [ids, mask] = inputsInRange(await load(parts), 10, 1)
  expect(new Set(mask!.data)).toEqual(new Set([0, 1]))
  expect(ids!.data.every((id) => Number.isInteger(id) && id >= 0 && id < 10)).toBe(true)
  expect(new Set(ids!.data).size).toBeGreaterThan(3)
})

test('verifyWounds tells outputs that show nothing', async () => {
  const x = value('x', [1, 4])
  const never = onnxNode('IsNaN', ['x'], ['never'])
  const constant = onnxNode('Cast', ['never'], ['zeros'], { to: { int: Type.FLOAT } })
  const some = await verify({
    inputs: [x],
    outputs: [value('zeros', [1, 4]), value('y', [1, 4])],
    nodes: [never, constant, onnxNode('Exp', ['x'], ['y'])],
  })
  expect(some).toMatchObject({ silentOutputs: ['zeros'], isSilent: false })
  const none = await verify({
    inputs: [x],
    outputs: [value('nan', [1, 4])],
    initializers: [infinity],
    nodes: [onnxNode('Sub', ['big', 'big'], ['n']), onnxNode('Add', ['x', 'n'], ['nan'])],
  })
  expect(none).toMatchObject({ silentOutputs: ['nan'], isSilent: true })
})
