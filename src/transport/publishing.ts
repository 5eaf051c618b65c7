/** How a message is to be sent. */
export interface PublishOptions {
  readonly qos: 0 | 1
  /**
   * A `result` goes before everything else and waits for the next connection, where it is sent again unless it was
   * acknowledged: somebody waits for it. A `transfer` is worth nothing once its connection is gone. Default `transfer`.
   */
  readonly kind?: 'result' | 'transfer'
  /** Of the frame that it is a part of, what has not left yet, itself included. Default 0: it is all there is. */
  readonly leftBytes?: number
  readonly retain?: boolean
  /** Whole seconds after which the broker drops it. */
  readonly expirySeconds?: number
  readonly correlationData?: Uint8Array
  readonly responseTopic?: string
  /** W3C Trace Context. */
  readonly traceparent?: string
  /** Before sending: the message is not sent. After: only the caller stops waiting. */
  readonly signal?: AbortSignal
  /** For the wait for a connection and in the window, and for the acknowledgement, together. */
  readonly timeoutMs: number
  /** Called when the message leaves the window's queue for the socket. */
  readonly onSent?: () => void
}

/** What became of it, once it is acknowledged. */
export interface PublishReceipt {
  /** Of the payload. */
  readonly bytes: number
  /** Of the packet. */
  readonly packetBytes: number
  /** In the window's queue. */
  readonly waitMs: number
  /** From the socket's write to the acknowledgement; QoS 0: to the socket having taken it. */
  readonly ackMs: number
  /** Payload bytes not acknowledged when it was sent, its own included: what had to cross within `ackMs`. */
  readonly inFlightBytes: number
  /** The broker says that nobody subscribes to the topic; not every broker does. */
  readonly isUnmatched: boolean
}

/** Payload that has left and is not acknowledged. */
export interface Flight {
  readonly bytes: number
  readonly oldestBytes: number | undefined
  readonly oldestSentAtMs: number | undefined
}
