/** An input to be answered, and whose it is. */
export interface RequestMessage {
  readonly id: string
  readonly stream: string
  /** Who asked, within the stream; empty for nobody in particular. */
  readonly source: string
  /** Inputs of one topic are compared with each other. */
  readonly topic: string
  readonly payload: Uint8Array
  readonly contentType?: string | undefined
  /** W3C Trace Context, for the record. */
  readonly traceparent?: string | undefined
  /** What is left of the time that its sender gave it; absent where it gave none. */
  readonly timeLeftMs?: number | undefined
}

/** A request on its way to its result. */
export interface Case {
  readonly message: RequestMessage
  /** Wall clock, milliseconds since 1970. */
  readonly arrivedAt: number
  /** Monotonic. */
  readonly beganMs: number
  readonly timeLeftMs: number
}
