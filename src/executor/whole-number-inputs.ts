import { TensorProto_DataType as Type } from 'onnx-buf'
import type { GraphTensor, LayerGraph } from '../model-graph/layer-graph.ts'
import type { Model } from '../model-graph/model.ts'
import { isShortFloat } from '../model-graph/onnx/short-floats.ts'
import { fillUniform } from '../model-graph/zoo/random-stream.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import { randomInputs } from './random-inputs.ts'

/** Whole numbers below which an input may want to be, largest first: vocabularies, bytes, classes, truth values. */
const bounds = [30_000, 1000, 256, 100, 10, 2, 1]

/** Inputs that are ones and zeros whatever the others are. */
const binaryName = /mask|token_type|segment_ids|flag/i

/** Bounds to be tried in that order. */
export function wholeNumberBounds({ graph }: Model): readonly number[] {
  return graph.inputs.some((id) => isCounted(graph, graph.tensors[id]!)) ? bounds : [1]
}

/** {@link randomInputs}, with whole numbers below `bound` where the file wants whole numbers, and truth values. */
export function inputsInRange(model: Model, bound: number, seed: number): TensorValue[] {
  const inputs = randomInputs(model, seed)
  return model.graph.inputs.map((id, i) => {
    const tensor = model.graph.tensors[id]!
    const input = inputs[i]!
    if (!isWhole(model.graph, tensor)) return input
    const data = new Float32Array(input.data.length)
    fillUniform(
      data,
      seed,
      tensor.name,
      0,
      isCounted(model.graph, tensor) ? Math.min(bound, largestOf(model.graph, tensor)) : 2,
    )
    return { ...input, data: data.map(Math.floor) }
  })
}

function isWhole(graph: LayerGraph, tensor: GraphTensor): boolean {
  const { stored } = tensor
  if (stored === undefined) return tableOf(graph, tensor) !== undefined
  return !isShortFloat(stored.elementType) && stored.elementType !== Type.DOUBLE
}

function isCounted(graph: LayerGraph, tensor: GraphTensor): boolean {
  return isWhole(graph, tensor) && tensor.stored?.elementType !== Type.BOOL && !binaryName.test(tensor.name)
}

/** Rows of the table in which a layer of TensorFlow.js looks its input up. */
function tableOf({ layers }: LayerGraph, { consumers }: GraphTensor): number | undefined {
  const reader = consumers.map((index) => layers[index]!).find(({ type }) => type === 'Embedding')
  return reader?.definition.source === 'keras' ? reader.weights[0]?.shape[0] : undefined
}

function largestOf(graph: LayerGraph, tensor: GraphTensor): number {
  const type = tensor.stored?.elementType
  if (type === Type.INT8) return 128
  return type === Type.UINT8 ? 256 : (tableOf(graph, tensor) ?? Number.POSITIVE_INFINITY)
}
