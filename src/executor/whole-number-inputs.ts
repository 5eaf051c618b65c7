import { TensorProto_DataType as Type } from 'onnx-buf'
import type { GraphTensor } from '../model-graph/layer-graph.ts'
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
  return graph.inputs.some((id) => isCounted(graph.tensors[id]!)) ? bounds : [1]
}

/** {@link randomInputs}, with whole numbers below `bound` where the file wants whole numbers, and truth values. */
export function inputsInRange(model: Model, bound: number, seed: number): TensorValue[] {
  const inputs = randomInputs(model, seed)
  return model.graph.inputs.map((id, i) => {
    const tensor = model.graph.tensors[id]!
    const input = inputs[i]!
    if (!isWhole(tensor)) return input
    const data = new Float32Array(input.data.length)
    fillUniform(data, seed, tensor.name, 0, isCounted(tensor) ? Math.min(bound, largestOf(tensor)) : 2)
    return { ...input, data: data.map(Math.floor) }
  })
}

function isWhole({ stored }: GraphTensor): boolean {
  return stored !== undefined && !isShortFloat(stored.elementType) && stored.elementType !== Type.DOUBLE
}

function isCounted(tensor: GraphTensor): boolean {
  return isWhole(tensor) && tensor.stored!.elementType !== Type.BOOL && !binaryName.test(tensor.name)
}

function largestOf({ stored }: GraphTensor): number {
  if (stored!.elementType === Type.INT8) return 128
  return stored!.elementType === Type.UINT8 ? 256 : Number.POSITIVE_INFINITY
}
