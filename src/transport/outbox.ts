import { checkMessage, type OutgoingMessage, packetBytes } from './message.ts'
import { TransportError } from './transport-error.ts'

export interface PublishOptions {
  readonly qos: 0 | 1
  readonly retain?: boolean
  /** Whole seconds after which the broker drops it. */
  readonly expirySeconds?: number
  readonly correlationData?: Uint8Array
  readonly responseTopic?: string
  /** Before sending: the message is not sent. After: only the caller stops waiting. */
  readonly signal?: AbortSignal
  /** For the wait in the window and for the acknowledgement together. */
  readonly timeoutMs: number
  /** Called when the message leaves the window's queue for the socket. */
  readonly onSent?: () => void
}

export interface PublishReceipt {
  /** Of the payload. */
  readonly bytes: number
  /** In the window's queue. */
  readonly waitMs: number
  /** From the socket's write to the acknowledgement; QoS 0: to the socket having taken it. */
  readonly ackMs: number
  /** Payload bytes not acknowledged when it was sent, its own included: what had to cross within `ackMs`. */
  readonly inFlightBytes: number
}

/** One connection, as the outbox sees it. */
export interface OutboxLink {
  readonly maximumPacketSize: number
  /** Unacknowledged QoS 1 messages that the broker takes at once. */
  readonly receiveMaximum: number
  send(message: OutgoingMessage, done: (refusal?: Error) => void): void
}

export interface OutboxOptions {
  readonly maxInFlightBytes: number
  readonly now: () => number
  /** Every acknowledgement of QoS 1, also where nobody waits for it any more. */
  readonly onAck: (receipt: PublishReceipt) => void
}

interface Entry {
  readonly message: OutgoingMessage
  readonly onSent: (() => void) | undefined
  readonly queuedMs: number
  readonly resolve: (receipt: PublishReceipt) => void
  readonly reject: (error: Error) => void
  sentMs: number
  inFlightBytes: number
}

/**
 * Messages on their way out: a first-in, first-out queue before a window of bytes in flight. The window bounds how
 * long a small message waits behind large ones. A message larger than the window goes alone. Nothing outlives its
 * connection: what was not acknowledged when it ended is rejected, never sent again.
 */
export class Outbox {
  readonly #options: OutboxOptions
  #link: OutboxLink | undefined
  #waiting: Entry[] = []
  /** In the order of sending. */
  readonly #flying = new Set<Entry>()
  #flyingBytes = 0
  #flyingAcks = 0
  #pumping = false

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  attach(link: OutboxLink): void {
    this.#link = link
  }

  /** Rejects everything with `offline`. */
  detach(reason: string): void {
    this.#link = undefined
    const entries = [...this.#flying, ...this.#waiting]
    this.#flying.clear()
    this.#waiting = []
    this.#flyingBytes = 0
    this.#flyingAcks = 0
    for (const entry of entries) entry.reject(offline(entry.message.topic, reason))
  }

  inFlight(): { readonly bytes: number; readonly oldestSentAtMs: number | undefined } {
    const [oldest] = this.#flying
    return { bytes: this.#flyingBytes, oldestSentAtMs: oldest?.sentMs }
  }

  async publish(
    topic: string,
    payload: string | Uint8Array,
    options: PublishOptions,
  ): Promise<PublishReceipt> {
    const {
      qos,
      retain = false,
      expirySeconds,
      correlationData,
      responseTopic,
      signal,
      timeoutMs,
      onSent,
    } = options
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    const message = { topic, payload: bytes, qos, retain, expirySeconds, correlationData, responseTopic }
    checkMessage(message)
    if (signal?.aborted) throw aborted(topic, signal)
    if (this.#link === undefined) throw offline(topic, 'no connection to the broker')
    const size = packetBytes(message)
    if (size > this.#link.maximumPacketSize) {
      throw new TransportError(
        'too-large',
        `Cannot publish to ${topic}: packet must be at most the broker's ${this.#link.maximumPacketSize} bytes, current value is ${size}`,
      )
    }
    let timer: NodeJS.Timeout | undefined
    let entry: Entry | undefined
    const onAbort = () => entry && this.#giveUp(entry, aborted(topic, signal))
    try {
      return await new Promise<PublishReceipt>((resolve, reject) => {
        const queuedMs = this.#options.now()
        const queued = { message, onSent, queuedMs, resolve, reject, sentMs: 0, inFlightBytes: 0 }
        entry = queued
        timer = setTimeout(
          () => this.#giveUp(queued, timedOut(topic, timeoutMs, queued.inFlightBytes > 0)),
          timeoutMs,
        )
        signal?.addEventListener('abort', onAbort, { once: true })
        this.#waiting.push(queued)
        this.#pump()
      })
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** What is already in flight stays counted: its bytes still have to cross before others. */
  #giveUp(entry: Entry, error: Error): void {
    const place = this.#waiting.indexOf(entry)
    if (place !== -1) this.#waiting.splice(place, 1)
    entry.reject(error)
    this.#pump()
  }

  #pump(): void {
    // QoS 0 may be done within send: a loop, not recursion.
    if (this.#pumping) return
    this.#pumping = true
    try {
      for (;;) {
        const [entry] = this.#waiting
        if (entry === undefined || this.#link === undefined || !this.#hasRoom(entry, this.#link)) return
        this.#waiting.shift()
        this.#send(entry, this.#link)
      }
    } finally {
      this.#pumping = false
    }
  }

  #hasRoom(entry: Entry, link: OutboxLink): boolean {
    if (entry.message.qos === 1 && this.#flyingAcks >= link.receiveMaximum) return false
    return (
      this.#flying.size === 0 ||
      this.#flyingBytes + entry.message.payload.length <= this.#options.maxInFlightBytes
    )
  }

  #send(entry: Entry, link: OutboxLink): void {
    const { payload, qos } = entry.message
    this.#flying.add(entry)
    this.#flyingBytes += payload.length
    this.#flyingAcks += qos
    entry.inFlightBytes = this.#flyingBytes
    entry.sentMs = this.#options.now()
    link.send(entry.message, (refusal) => this.#done(entry, refusal))
    entry.onSent?.()
  }

  #done(entry: Entry, refusal: Error | undefined): void {
    const { topic, payload, qos } = entry.message
    // Not there any more where the connection ended first.
    if (!this.#flying.delete(entry)) return
    this.#flyingBytes -= payload.length
    this.#flyingAcks -= qos
    if (refusal === undefined) {
      const waitMs = entry.sentMs - entry.queuedMs
      const ackMs = this.#options.now() - entry.sentMs
      const receipt = { bytes: payload.length, waitMs, ackMs, inFlightBytes: entry.inFlightBytes }
      entry.resolve(receipt)
      if (qos === 1) this.#options.onAck(receipt)
    } else {
      entry.reject(
        new TransportError('refused', `Cannot publish to ${topic}: ${refusal.message}`, { cause: refusal }),
      )
    }
    this.#pump()
  }
}

function offline(topic: string, reason: string): TransportError {
  return new TransportError('offline', `Cannot publish to ${topic}: session must be online, ${reason}`)
}

function aborted(topic: string, signal: AbortSignal | undefined): TransportError {
  return new TransportError('aborted', `Cannot publish to ${topic}: the caller gave up`, {
    cause: signal?.reason,
  })
}

function timedOut(topic: string, timeoutMs: number, sent: boolean): TransportError {
  const stage = sent ? 'the broker did not acknowledge it' : 'the messages before it did not leave'
  return new TransportError('timeout', `Cannot publish to ${topic}: ${stage} within ${timeoutMs} ms`)
}
