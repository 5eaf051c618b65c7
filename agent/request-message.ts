/** What the agent publishes on its result topic, as JSON. */
import type { ClassScore, FoundBox, NamedValues } from '../src/answer/present.ts'
import type { RoundedPrecision } from '../src/executor/engine.ts'

export interface AnswerMessage {
  readonly ok: true
  /** The input message's correlation data, as text or else in hex; a number of the agent's own where it had none. */
  readonly id: string
  /** Name of the stream, or what follows the input topic; absent where the input came on the input topic itself. */
  readonly source?: string
  /** The input's, of its trace (W3C Trace Context). */
  readonly traceparent?: string
  /** Of a message of several samples: which of them, from 0. */
  readonly window?: number
  /** Name of the model whose answer this is. */
  readonly model: string
  /** Where it is not the model that was asked first: that one, and how sure it was, 0 to 1. */
  readonly doubted?: { readonly model: string; readonly confidence: number }
  /** Of a classifier: the best classes. */
  readonly top?: readonly ClassScore[]
  /** Of a detector. */
  readonly boxes?: readonly FoundBox[]
  /** Of a reader of text. */
  readonly text?: string
  /** Of other models: their outputs. */
  readonly outputs?: readonly NamedValues[]
  /** The picture ended early or was corrupt; most of it was there. */
  readonly damaged?: true
  /**
   * The input hardly differs from the last one that was computed: this is its answer once more. `plan` and `finishedAt`
   * are of that one.
   */
  readonly reused?: true
  /** Where the model's weights were made up: the classes mean nothing. */
  readonly weights?: 'random'
  readonly plan: {
    readonly wound: string
    readonly codec: string
    readonly worker: string | undefined
    readonly predictedMs: number
    /** What the link was believed to carry, bits per second; null while it is unknown or down. */
    readonly uplinkBps: number | null
  }
  readonly finishedAt: 'edge' | 'worker'
  /** Of the answer, where it is not float32. */
  readonly precision?: RoundedPrecision
  /** Bytes sent to the pool. */
  readonly bytes: number
  /** Milliseconds, measured: from the input's arrival to this message, and its parts. */
  readonly totalMs: number
  readonly headMs: number
  readonly encodeMs: number
  readonly backendMs: number | undefined
}

export interface FailureMessage {
  readonly ok: false
  readonly id: string
  readonly source?: string
  /** The input's, of its trace (W3C Trace Context). */
  readonly traceparent?: string
  readonly window?: number
  readonly error: { readonly code: string; readonly message: string }
}

export type ResultMessage = AnswerMessage | FailureMessage
