/** What became of one request, from its arrival to its answer: the one source of metrics, logs, reports and replays. */
export interface RequestRecord {
  readonly id: string
  /** Name of the stream it came on. */
  readonly stream: string
  /** Name of the model that was asked. */
  readonly model: string
  /** Of the trace that the input belongs to (W3C Trace Context). */
  readonly traceparent?: string
  /** Wall clock, milliseconds since 1970: for people. All durations are of the monotonic clock. */
  readonly arrivedAt: number
  readonly input: { readonly bytes: number }
  /** Undefined where none was made: it was refused before, or reused the last answer. */
  readonly plan: PlanRecord | undefined
  readonly measured: Measured
  readonly outcome: Outcome
}

export interface PlanRecord {
  readonly wound: string
  readonly codec: string
  /** In which the edge computes, where it is not float32. */
  readonly precision?: 'int8' | 'fp16'
  readonly worker: string | undefined
  /** Counted from the arrival, as it was believed then; `remoteMs` is absent for the local plan. */
  readonly predicted: {
    readonly edgeMs: number
    readonly remoteMs?: number
    readonly remoteDeviationMs: number
    readonly localMs: number
    readonly expectedMs: number
  }
  /** What the link was believed to carry; absent while it was unknown or down. */
  readonly uplinkBps?: number
  readonly edgeFactor: number
  readonly edgeWaitMs: number
}

/** Milliseconds and bytes as they came; what did not happen is absent. */
export interface Measured {
  /** From the arrival to the outcome. */
  totalMs: number
  /** Making the model's input of the message. */
  inputMs?: number
  /** Waited for the engine before the head. */
  engineWaitMs?: number
  /** The head's layers; of a local plan all layers. */
  headMs?: number
  encodeMs?: number
  /** Encoding the input for sending. */
  sendMs?: number
  /** Layers after the head that the edge computed. */
  localTailMs?: number
  /** Of the request's frame. */
  sentBytes: number
  /** From handing the frame over until the broker had acknowledged all of it. */
  ackMs?: number
  /** As the worker said. */
  remote?: { readonly queueMs: number; readonly decodeMs: number; readonly elapsedMs: number }
  /** What became of the request to the worker. */
  remoteOutcome?: 'answered' | 'given-up' | 'failed'
}

export type Outcome =
  | { readonly kind: 'answered'; readonly finishedAt: 'edge' | 'worker' }
  /** Answered with so little confidence that a larger model was asked: that has the next record, of the same id. */
  | { readonly kind: 'doubted' }
  /** Not computed: it looks like the last one that was. */
  | { readonly kind: 'reused' }
  | { readonly kind: 'refused' | 'failed'; readonly code: string; readonly message: string }

export type RecordListener = (record: RequestRecord) => void
