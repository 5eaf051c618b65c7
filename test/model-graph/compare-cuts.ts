import { onnxruntimeEngine } from '../../src/executor/onnxruntime-engine.ts'
import { cut, wholeModel } from '../../src/model-graph/cut.ts'
import { borderShape, type LayerGraph } from '../../src/model-graph/layer-graph.ts'
import type { Model } from '../../src/model-graph/model.ts'
import type { Wound } from '../../src/model-graph/wound.ts'
import { woundFromHead } from '../../src/model-graph/wound-from-head.ts'
import { elementCount } from '../../src/tensor/element-count.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'

/** Values for a model's inputs, the same every time, between -`range` and `range`. */
export function someInputs(graph: LayerGraph, range = 1): TensorValue[] {
  return graph.inputs.map((id) => {
    const shape = [1, ...borderShape(graph.tensors[id]!)]
    const count = elementCount(shape)
    const data = Float32Array.from(
      { length: count },
      (_, i) => ((i * 0.618_034 + id * 0.3) % 1) * 2 * range - range,
    )
    return { shape, data }
  })
}

export async function runWhole(model: Model, inputs: readonly TensorValue[]): Promise<TensorValue[]> {
  const executable = await onnxruntimeEngine().compile(model, wholeModel(model.graph), { threads: 1 })
  const outputs = await executable.run(inputs)
  await executable.release()
  return outputs
}

export async function runCut(
  model: Model,
  wound: Wound,
  inputs: readonly TensorValue[],
): Promise<TensorValue[]> {
  const { head, tail } = cut(model.graph, wound)
  const front = await onnxruntimeEngine().compile(model, head, { threads: 1 })
  const crossing = await front.run(inputs)
  await front.release()
  if (tail.layers.length === 0) return crossing
  const back = await onnxruntimeEngine().compile(model, tail, { threads: 1 })
  const outputs = await back.run(crossing)
  await back.release()
  return outputs
}

/** Every down-closed set of layers of a small graph as a wound. */
export function everyWound(graph: LayerGraph): Wound[] {
  const inputs = graph.inputs.map((id) => graph.tensors[id]!.producer)
  let heads: Set<number>[] = [new Set(inputs)]
  for (const layer of graph.layers) {
    if (layer.type === 'InputLayer') continue
    const grown = heads
      .filter((head) => layer.inputs.every((id) => head.has(graph.tensors[id]!.producer)))
      .map((head) => new Set([...head, layer.index]))
    heads = [...heads, ...grown]
  }
  return heads.map((head) => woundFromHead(graph, head))
}
