/** What the agent publishes on its result topic, as JSON. */
import type { ClassScore } from '../src/model-graph/classify.ts'

export interface AnswerMessage {
  readonly ok: true
  /** Hex of the input message's correlation data; a number of the agent's own where it had none. */
  readonly id: string
  readonly top: readonly ClassScore[]
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
  readonly error: { readonly code: string; readonly message: string }
}

export type ResultMessage = AnswerMessage | FailureMessage
