import { outputsInOrder } from '../src/answer/answer-reader.ts'
import type { AnswerSpec } from '../src/answer/answer-spec.ts'
import { condense } from '../src/answer/condense.ts'
import { featureCodec } from '../src/codec/feature-codecs.ts'
import type { LayerGraph } from '../src/model-graph/layer-graph.ts'
import type { TensorValue } from '../src/tensor/tensor-value.ts'
import { type Finished, resultCodec } from './measure-tails.ts'

/** Rows are few: their numbers, such as a class's, are not rounded. */
const rowCodec = 'float32'

/** A model's outputs as they are sent back: in rows where the request says how. */
export function encodeAnswer(
  spec: AnswerSpec | undefined,
  outputs: readonly TensorValue[],
  graph: LayerGraph,
): Pick<Finished, 'codec' | 'encoded'> {
  const codec = spec === undefined ? resultCodec : rowCodec
  const values = spec === undefined ? outputs : condensed(spec, outputs, graph)
  const coder = featureCodec(codec)
  return { codec, encoded: values.map((value) => ({ shape: value.shape, bytes: coder.encode(value) })) }
}

/** The rows, and what is state; it travels as between layers. */
function condensed(spec: AnswerSpec, outputs: readonly TensorValue[], graph: LayerGraph): TensorValue[] {
  const whole = (places: readonly number[]) =>
    places.map((place) => {
      const output = outputs[place]
      if (output !== undefined) return output
      throw new TypeError(`Cannot answer: output ${place} must exist, there are ${outputs.length}`)
    })
  if (spec.kind === 'values') return whole(spec.outputs)
  return [condense(spec, outputsInOrder(graph, outputs)), ...whole(spec.state ?? [])]
}
