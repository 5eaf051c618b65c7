import type { AnswerSpec } from '../src/answer/answer-spec.ts'
import { isCondensed } from '../src/answer/condense.ts'
import type { FeatureCodec } from '../src/codec/codec.ts'
import { featureCodec } from '../src/codec/feature-codecs.ts'
import type { TensorValue } from '../src/tensor/tensor-value.ts'
import type { Frame, Part } from '../src/transport/frame-content.ts'
import { RequestError } from './request-error.ts'

/** What may come back, and from whom. */
export interface AcceptableAnswer {
  readonly worker: string
  /** Of the model's outputs. */
  readonly outputShapes: readonly (readonly number[])[]
  /** How the worker is to condense the outputs; the outputs themselves are expected without. */
  readonly answer?: AnswerSpec
}

export interface RemoteAnswer {
  readonly values: readonly TensorValue[]
  /** The picture ends early or is corrupt, and most of it is there. */
  readonly isDamaged: boolean
  readonly queueMs: number
  readonly decodeMs: number
  /** Of the call that finished it. */
  readonly elapsedMs: number
  /** What of the call is this request's. */
  readonly shareMs: number
}

/** The answer in a frame, if it is one to this request. @throws {Error} otherwise; {@link RequestError} for a failure. */
export function acceptAnswer(frame: Frame, request: AcceptableAnswer): RemoteAnswer {
  if (frame.kind === 'failure') {
    const code =
      frame.code === 'overloaded' || frame.code === 'bad-input' ? frame.code : ('worker-failed' as const)
    throw new RequestError(code, `Worker ${request.worker} failed: ${frame.code}: ${frame.message}`)
  }
  if (frame.kind !== 'result')
    throw new Error(`Cannot accept an answer: kind must be result, current value is ${frame.kind}`)
  const shapes = expectedShapes(frame.parts, request)
  if (frame.parts.length !== shapes.length) {
    throw new Error(
      `Cannot accept an answer: it must have ${shapes.length} tensors, it has ${frame.parts.length}`,
    )
  }
  const codec = featureCodec(frame.codec)
  const values = frame.parts.map((part, i) => decodePart(part, codec, shapes[i]!))
  const { isDamaged, queueMs, decodeMs, elapsedMs, shareMs } = frame
  return { values, isDamaged, queueMs, decodeMs, elapsedMs, shareMs }
}

/** Of condensed outputs the number of rows is the answer's own; state follows whole. */
function expectedShapes(
  [first]: readonly Part[],
  { answer, outputShapes }: AcceptableAnswer,
): readonly (readonly number[])[] {
  if (answer === undefined) return outputShapes
  const whole = (places: readonly number[]) => places.map((place) => outputShapes[place]!)
  if (answer.kind === 'values') return whole(answer.outputs)
  if (first !== undefined && isCondensed(answer, first.shape))
    return [first.shape, ...whole(answer.state ?? [])]
  throw new Error(
    `Cannot accept an answer: it must be rows of ${answer.kind}, current shape is [${first?.shape.join(',') ?? ''}]`,
  )
}

function decodePart(part: Part, codec: FeatureCodec, shape: readonly number[]): TensorValue {
  if (part.shape.length !== shape.length || part.shape.some((axis, i) => axis !== shape[i])) {
    throw new Error(
      `Cannot accept an answer: shape must be [${shape.join(',')}], current value is [${part.shape.join(',')}]`,
    )
  }
  const value = codec.decode(part.bytes, part.shape)
  for (const element of value.data) {
    if (Number.isNaN(element)) throw new Error('Cannot accept an answer: every value must be a number')
  }
  return value
}
