import type { Clock } from '../async/clock.ts'
import { checkMessage, type Delivery, type OutgoingMessage, packetBytes } from './message.ts'
import type { Flight, PublishOptions, PublishReceipt } from './publishing.ts'
import { TransportError } from './transport-error.ts'

/** One connection, as the outbox sees it. */
export interface OutboxLink {
  readonly maximumPacketSize: number
  /** Unacknowledged QoS 1 messages that the broker takes at once. */
  readonly receiveMaximum: number
  send(message: OutgoingMessage, done: (delivery: Delivery) => void): void
}

export interface OutboxOptions {
  /** Asked whenever something may be sent: what may be in flight at once. */
  readonly windowBytes: () => number
  /** A frame leaves whole, whatever the window, as long as nothing else waits or is in flight: nothing urgent ever comes. */
  readonly fillsWhenAlone?: boolean
  /** Payload that may wait before the window. */
  readonly maxWaitingBytes: number
  readonly clock: Clock
  /** Every acknowledgement of QoS 1, also where nobody waits for it any more. */
  readonly onAck: (receipt: PublishReceipt) => void
}

interface Entry {
  readonly message: OutgoingMessage
  readonly kind: 'result' | 'transfer'
  readonly leftBytes: number
  readonly onSent: (() => void) | undefined
  readonly queuedMs: number
  readonly resolve: (receipt: PublishReceipt) => void
  readonly reject: (error: Error) => void
  sentMs: number
  inFlightBytes: number
  /** Nobody waits for it any more, though it may still be in flight. */
  settled: boolean
}

/**
 * Messages on their way out: results, first in, first out, and then the transfer that has the least left (of shortest
 * remaining time: the least mean time there is, Schrage, Operations Research 16, 1968), before a window of bytes in
 * flight. The window bounds how long a result waits behind what is in the socket and cannot be recalled. A message
 * larger than the window goes alone. Transfers do not outlive their connection: what was not acknowledged when it ended
 * is rejected, never sent again. Results do, until their time is over.
 */
export class Outbox {
  readonly #options: OutboxOptions
  #link: OutboxLink | undefined
  /** Results before transfers, each in order. */
  #waiting: Entry[] = []
  #waitingBytes = 0
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
    this.#pump()
  }

  /** The connection has ended: transfers are rejected with `offline`, results wait for the next one. */
  detach(reason: string): void {
    const entries = this.#takeAll()
    // A result that was in flight is first again.
    this.#setWaiting(entries.filter(({ kind, settled }) => kind === 'result' && !settled))
    for (const entry of entries) {
      if (entry.kind === 'transfer') entry.reject(offline(entry.message.topic, reason))
    }
  }

  /** There will be no other connection: everything is rejected with `offline`. */
  close(reason: string): void {
    for (const entry of this.#takeAll()) entry.reject(offline(entry.message.topic, reason))
  }

  #takeAll(): Entry[] {
    this.#link = undefined
    const entries = [...this.#flying, ...this.#waiting]
    this.#flying.clear()
    this.#setWaiting([])
    this.#flyingBytes = 0
    this.#flyingAcks = 0
    return entries
  }

  #setWaiting(entries: Entry[]): void {
    this.#waiting = entries
    this.#waitingBytes = entries.reduce((sum, { message }) => sum + message.payload.length, 0)
  }

  /** Nothing waits and nothing is in flight. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#flying.size === 0
  }

  inFlight(): Flight {
    const [oldest] = this.#flying
    return {
      bytes: this.#flyingBytes,
      oldestBytes: oldest?.message.payload.length,
      oldestSentAtMs: oldest?.sentMs,
    }
  }

  async publish(
    topic: string,
    payload: string | Uint8Array,
    options: PublishOptions,
  ): Promise<PublishReceipt> {
    const {
      qos,
      kind = 'transfer',
      leftBytes = 0,
      retain = false,
      expirySeconds,
      correlationData,
      responseTopic,
      traceparent,
      signal,
      timeoutMs,
      onSent,
    } = options
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    const message = {
      topic,
      payload: bytes,
      qos,
      retain,
      expirySeconds,
      correlationData,
      responseTopic,
      traceparent,
    }
    checkMessage(message)
    if (signal?.aborted) throw aborted(topic, signal)
    if (this.#link === undefined && kind === 'transfer') throw offline(topic, 'no connection to the broker')
    const oversize = this.#link && tooLarge(message, this.#link)
    if (oversize !== undefined) throw oversize
    if (this.#waitingBytes + bytes.length > this.#options.maxWaitingBytes) {
      throw new TransportError(
        'full',
        `Cannot publish to ${topic}: at most ${this.#options.maxWaitingBytes} bytes may wait, current value is ${this.#waitingBytes + bytes.length}`,
      )
    }
    let cancelTimeout = () => {}
    let entry: Entry | undefined
    const onAbort = () => entry && this.#giveUp(entry, aborted(topic, signal))
    try {
      const receipt = new Promise<PublishReceipt>((resolve, reject) => {
        const queuedMs = this.#options.clock.now()
        const progress = { sentMs: 0, inFlightBytes: 0, settled: false }
        const queued: Entry = { message, kind, leftBytes, onSent, queuedMs, resolve, reject, ...progress }
        entry = queued
        cancelTimeout = this.#options.clock.schedule(timeoutMs, () =>
          this.#giveUp(queued, timedOut(topic, timeoutMs, queued.inFlightBytes > 0)),
        )
        signal?.addEventListener('abort', onAbort, { once: true })
        this.#enqueue(queued)
        this.#pump()
      })
      return await receipt
    } finally {
      cancelTimeout()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** What is already in flight stays counted: its bytes still have to cross before others. */
  #giveUp(entry: Entry, error: Error): void {
    const place = this.#waiting.indexOf(entry)
    if (place !== -1) this.#setWaiting(this.#waiting.toSpliced(place, 1))
    entry.settled = true
    entry.reject(error)
    this.#pump()
  }

  #enqueue(entry: Entry): void {
    const goesFirst = ({ kind, leftBytes }: Entry) =>
      kind === 'transfer' && (entry.kind === 'result' || entry.leftBytes < leftBytes)
    const place = this.#waiting.findIndex(goesFirst)
    this.#waiting.splice(place === -1 ? this.#waiting.length : place, 0, entry)
    this.#waitingBytes += entry.message.payload.length
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
        this.#waitingBytes -= entry.message.payload.length
        // It may have waited for a broker that takes less.
        const oversize = tooLarge(entry.message, this.#link)
        if (oversize === undefined) this.#send(entry, this.#link)
        else entry.reject(oversize)
      }
    } finally {
      this.#pumping = false
    }
  }

  #hasRoom(entry: Entry, link: OutboxLink): boolean {
    if (entry.message.qos === 1 && this.#flyingAcks >= link.receiveMaximum) return false
    return (
      this.#flying.size === 0 ||
      this.#flyingBytes + entry.message.payload.length <= this.#options.windowBytes() ||
      (this.#options.fillsWhenAlone === true && this.#isAlone(entry.message))
    )
  }

  /** Chunks of a frame have one and the same correlation data. */
  #isAlone({ correlationData }: OutgoingMessage): boolean {
    if (correlationData === undefined || this.#waiting.length > 1) return false
    return [...this.#flying].every(({ message }) => message.correlationData === correlationData)
  }

  #send(entry: Entry, link: OutboxLink): void {
    const { payload, qos } = entry.message
    this.#flying.add(entry)
    this.#flyingBytes += payload.length
    this.#flyingAcks += qos
    entry.inFlightBytes = this.#flyingBytes
    entry.sentMs = this.#options.clock.now()
    link.send(entry.message, (delivery) => {
      // A result may be in flight again on the next connection.
      if (link === this.#link) this.#done(entry, delivery)
    })
    entry.onSent?.()
  }

  #done(entry: Entry, delivery: Delivery): void {
    const { topic, payload, qos } = entry.message
    // Not there any more where the connection ended first.
    if (!this.#flying.delete(entry)) return
    this.#flyingBytes -= payload.length
    this.#flyingAcks -= qos
    if (delivery.kind !== 'refused') {
      const waitMs = entry.sentMs - entry.queuedMs
      const ackMs = this.#options.clock.now() - entry.sentMs
      const isUnmatched = delivery.kind === 'unmatched'
      const receipt = {
        bytes: payload.length,
        packetBytes: packetBytes(entry.message),
        waitMs,
        ackMs,
        inFlightBytes: entry.inFlightBytes,
        isUnmatched,
      }
      entry.resolve(receipt)
      if (qos === 1) this.#options.onAck(receipt)
    } else {
      entry.reject(
        new TransportError('refused', `Cannot publish to ${topic}: ${delivery.cause.message}`, {
          cause: delivery.cause,
        }),
      )
    }
    this.#pump()
  }
}

function tooLarge(message: OutgoingMessage, link: OutboxLink): TransportError | undefined {
  const size = packetBytes(message)
  if (size <= link.maximumPacketSize) return undefined
  return new TransportError(
    'too-large',
    `Cannot publish to ${message.topic}: packet must be at most the broker's ${link.maximumPacketSize} bytes, current value is ${size}`,
  )
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
