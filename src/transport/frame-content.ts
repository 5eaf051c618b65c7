import type { AnswerSpec } from '../answer/answer-spec.ts'

/** One tensor of a result, encoded. `shape` is the decoded tensor's, batch axis included. */
export interface Part {
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** Hex digits of a model's hash that travel. */
export const modelDigits = 16

/** Why a worker did not answer. The order is the wire's: append only. */
export const failureCodes = [
  'unknown-model',
  'unknown-wound',
  'bad-frame',
  'bad-input',
  'expired',
  'overloaded',
  'internal',
  'bad-output',
  'stopping',
] as const
export type FailureCode = (typeof failureCodes)[number]

export interface RequestFrame {
  readonly kind: 'request'
  /** The first {@link modelDigits} hex digits of the model's hash, lower case. */
  readonly model: string
  readonly wound: string
  readonly codec: string
  /** Whole. */
  readonly timeLeftMs: number
  /** The crossing tensors, encoded, or a picture's bytes. */
  readonly parts: readonly Uint8Array[]
  /** How the outputs are to be condensed; the outputs themselves are wanted without. */
  readonly answer?: AnswerSpec
}

export interface ResultFrame {
  readonly kind: 'result'
  readonly codec: string
  /** The picture ends early or is corrupt, and most of it is there. */
  readonly isDamaged: boolean
  /** All that it was at the worker without being computed: queue, decode and elapsed are the whole stay. */
  readonly queueMs: number
  /** Of its own picture. */
  readonly decodeMs: number
  /** Of the call of the engine that finished it, whoever else was finished in it. */
  readonly elapsedMs: number
  /** What of the call this request is charged with: all of it where it was alone. */
  readonly shareMs: number
  readonly parts: readonly Part[]
}

interface Failure<Code extends FailureCode> {
  readonly kind: 'failure'
  readonly code: Code
  readonly message: string
}

export type FailureFrame =
  | Failure<Exclude<FailureCode, 'overloaded'>>
  /** `waitMs` is how long it would have waited before it was begun. */
  | (Failure<'overloaded'> & { readonly waitMs: number })

/** The sender has given a request up: what waits is dropped, what runs is ended. It is not answered. */
export interface CancelFrame {
  readonly kind: 'cancel'
  /** The request's correlation id, 16 to 32 hex digits, lower case; the message that carries this frame has one of its own. */
  readonly request: string
}

/** What is to be known of a model to have its worker answer with it: asked by whoever has no file of it. */
export interface DescribeFrame {
  readonly kind: 'describe'
  /** As a request's. */
  readonly model: string
}

export interface DescriptionFrame {
  readonly kind: 'description'
  /** A model's card (`src/codec/model-card.ts`), JSON as UTF-8. */
  readonly card: Uint8Array
}

export type Frame = RequestFrame | ResultFrame | FailureFrame | CancelFrame | DescribeFrame | DescriptionFrame

/** What the first bytes of a request say before the rest is there. */
export type RequestHead = Pick<RequestFrame, 'model' | 'timeLeftMs' | 'wound' | 'codec'>

/** Of a correlation id: enough that nobody guesses one, and that no two are alike. */
export const leastIdBytes = 8
export const mostIdBytes = 16

/** Whether a message's correlation data may name a request. */
export function isRequestId(correlation: Uint8Array | undefined): correlation is Uint8Array {
  const length = correlation?.length ?? 0
  return length >= leastIdBytes && length <= mostIdBytes
}
