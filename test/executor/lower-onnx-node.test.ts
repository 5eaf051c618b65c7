import { create, toBinary } from '@bufbuild/protobuf'
import { NodeProtoSchema } from 'onnx-buf'
import { expect, test } from 'vitest'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { wholeModel } from '../../src/model-graph/cut.ts'
import type { LayerGraph } from '../../src/model-graph/layer-graph.ts'
import { input, kerasTopology, sketchModel } from '../keras-model.ts'

test('a layer that is an ONNX node runs as it is, with its weights', async () => {
  const node = create(NodeProtoSchema, { opType: 'Mul', input: ['x', 'factors'], output: ['y'] })
  const layer = { operations: 0, weights: [] }
  const tensor = { shape: [2, 1, 3], layout: 'channels-first' } as const
  const graph: LayerGraph = {
    name: 'from ONNX',
    layers: [
      {
        ...layer,
        index: 0,
        name: 'x',
        type: 'InputLayer',
        inputs: [],
        outputs: [0],
        definition: { source: 'keras', config: {} },
      },
      {
        ...layer,
        index: 1,
        name: 'y',
        type: 'Mul',
        inputs: [0],
        outputs: [1],
        weights: [{ name: 'factors', shape: [2, 1, 1], trainable: true }],
        definition: { source: 'onnx', node: toBinary(NodeProtoSchema, node) },
      },
    ],
    tensors: [
      { ...tensor, id: 0, name: 'x', producer: 0, consumers: [1] },
      { ...tensor, id: 1, name: 'y', producer: 1, consumers: [] },
    ],
    inputs: [0],
    outputs: [1],
  }
  const weights = { read: () => Promise.resolve(Float32Array.of(2, -1)) }
  const model = { ...sketchModel(kerasTopology([input(3)])), graph, weights }
  const engine = await loadEngine('onnxruntime')
  const executable = await engine.compile(model, wholeModel(graph), { threads: 1 })
  const data = Float32Array.of(1, 2, 3, 4, 5, 6)
  const [value] = await executable.run([{ shape: [1, 2, 1, 3], data }])
  expect(value).toEqual({ shape: [1, 2, 1, 3], data: Float32Array.of(2, 4, 6, -4, -5, -6) })
})
