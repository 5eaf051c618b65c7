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
  const values = spec === undefined ? outputs : [condense(spec, outputsInOrder(graph, outputs))]
  const coder = featureCodec(codec)
  return { codec, encoded: values.map((value) => ({ shape: value.shape, bytes: coder.encode(value) })) }
}
