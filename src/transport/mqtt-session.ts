import { systemClock } from '../async/clock.ts'
import { isLoopbackUrl } from '../machine/loopback.ts'
import type { LogLevel } from '../telemetry/log.ts'
import { Attempts } from './attempts.ts'
import { checkBrokerUrl } from './broker-url.ts'
import { type LinkLimits, type MqttLink, openLink, type Traffic } from './mqtt-link.ts'
import { Outbox } from './outbox.ts'
import type { Flight, PublishOptions, PublishReceipt } from './publishing.ts'
import type { FixedMessage, SessionOptions, SessionState } from './session-options.ts'
import { type MessageHandler, Subscriptions, type SubscriptionTerms } from './subscriptions.ts'
import { checkFilter } from './topic-filter.ts'
import { TransportError } from './transport-error.ts'
import { whenOnline } from './when-online.ts'
import { chunkBytesFor, windowBytesFor } from './window.ts'

const stopTimeoutMs = 2_000

/**
 * An MQTT 5 session that comes back by itself: own back-off, all subscriptions made again on every
 * connection. It never throws out of its events; what is wrong stands in `state`.
 */
export class MqttSession {
  readonly #options: SessionOptions
  readonly #outbox: Outbox
  readonly #now: () => number
  readonly #attempts: Attempts
  readonly #subscriptions: Subscriptions
  readonly #stateListeners = new Set<(state: SessionState) => void>()
  readonly #ackListeners = new Set<(receipt: PublishReceipt) => void>()
  #state: SessionState = { kind: 'stopped' }
  #link: MqttLink | undefined
  /** Of the connections before. */
  #past: Traffic = { sentBytes: 0, receivedBytes: 0 }
  /** Set from CONNACK on. */
  #limits: LinkLimits | undefined
  /** Until the broker has said that it does not: then others hear of us only what is said while they are there. */
  #mayRetain = true
  /** Runs while connecting (time limit) and while offline (next attempt). */
  #timer: NodeJS.Timeout | undefined
  #stopping: Promise<void> | undefined

  constructor(options: SessionOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    const maxMs = isLoopbackUrl(options.url) ? 1000 : 30_000
    this.#attempts = new Attempts(options.backoff ?? { minMs: 250, maxMs }, options.random ?? Math.random)
    this.#subscriptions = new Subscriptions((topic, error) => {
      this.#log('error', 'a message handler failed', { topic, error })
    })
    this.#outbox = new Outbox({
      windowBytes: () => this.#windowBytes(),
      fillsWhenAlone: options.fillsWhenAlone ?? false,
      maxWaitingBytes: options.maxWaitingBytes ?? 64 * 1024 * 1024,
      clock: { ...systemClock, now: this.#now },
      onAck: (receipt) => this.#tell(this.#ackListeners, receipt),
    })
  }

  get state(): SessionState {
    return this.#state
  }

  get url(): string {
    return this.#options.url
  }

  /**
   * Begins to connect and returns at once. Safe to repeat.
   * @throws {TypeError} where the URL is not one of a broker.
   */
  start(): void {
    checkBrokerUrl(this.#options.url, this.#options.tls !== undefined)
    if (this.#stopping !== undefined) {
      void this.#stopping.then(() => this.start())
      return
    }
    if (this.#state.kind !== 'stopped') return
    this.#attempts.begin()
    this.#connect()
  }

  /** Publishes the offline message, then disconnects; takes at most 2 s. Safe to repeat. */
  async stop(): Promise<void> {
    if (this.#state.kind === 'stopped') return
    this.#stopping ??= this.#shutDown().finally(() => {
      this.#stopping = undefined
    })
    await this.#stopping
  }

  /** @throws {TransportError} `aborted` by the signal, `offline` where the session is or gets stopped. */
  whenOnline(signal?: AbortSignal): Promise<void> {
    return whenOnline(this, signal)
  }

  /** Calls the listener on every change; returns how to end that. */
  onState(listener: (state: SessionState) => void): () => void {
    this.#stateListeners.add(listener)
    return () => this.#stateListeners.delete(listener)
  }

  /** Calls the listener for every acknowledged QoS 1 message; returns how to end that. */
  onAck(listener: (receipt: PublishReceipt) => void): () => void {
    this.#ackListeners.add(listener)
    return () => this.#ackListeners.delete(listener)
  }

  /** Payload bytes sent and not acknowledged, and when the oldest of them was sent. */
  inFlight(): Flight {
    return this.#outbox.inFlight()
  }

  /** What has crossed all of its connections so far. */
  traffic(): Traffic {
    const { sentBytes, receivedBytes } = this.#link?.traffic() ?? { sentBytes: 0, receivedBytes: 0 }
    return {
      sentBytes: this.#past.sentBytes + sentBytes,
      receivedBytes: this.#past.receivedBytes + receivedBytes,
    }
  }

  /** Payload of one chunk of a transfer. */
  chunkBytes(): number {
    const { url, uplinkBps, maxInFlightBytes, fillsWhenAlone = false } = this.#options
    // Nothing waits on loopback, unless the owner knows that it leads to a link.
    const alone = isLoopbackUrl(url) ? Number.POSITIVE_INFINITY : undefined
    const bps = uplinkBps === undefined ? alone : uplinkBps()
    const isAlone = fillsWhenAlone && this.#outbox.isIdle
    return chunkBytesFor(bps, maxInFlightBytes, isAlone, this.#limits?.maximumPacketSize)
  }

  /**
   * Sends a message through the window of bytes in flight. Only a result is sent again on a later connection.
   * @throws {TransportError} `too-large` for the broker, `full` where too much waits, `offline` for a transfer at once or
   * when the connection ends first, and when the session is stopped, `timeout`, `aborted`, `refused` by the broker. {@link RangeError} for a topic that cannot be published to.
   */
  publish(topic: string, payload: string | Uint8Array, options: PublishOptions): Promise<PublishReceipt> {
    return this.#outbox.publish(topic, payload, options)
  }

  /**
   * Hands every message that matches to the handler, on this connection and all later ones. Resolves when the broker
   * has granted it, at once while not connected. Filters of one session should not overlap: some brokers deliver twice.
   * @param handler What it throws or rejects with is logged.
   * @returns How to end it: once that resolves, no message that the broker has taken for it is on its way any more.
   * @throws {TransportError} `refused`. {@link RangeError} for a malformed filter.
   */
  async subscribe(
    filter: string,
    handler: MessageHandler,
    options: Partial<SubscriptionTerms> = {},
  ): Promise<() => Promise<void>> {
    checkFilter(filter)
    const terms = { qos: 1, ...options } as const
    const subscription = { ...terms, filter, handler }
    this.#subscriptions.add(subscription)
    const link = this.#limits && this.#link
    try {
      await link?.subscribe(filter, terms)
    } catch (cause) {
      // A connection that ended meanwhile is not a refusal: the next one subscribes again.
      if (link === this.#link) {
        this.#subscriptions.remove(subscription)
        throw new TransportError('refused', `Cannot subscribe to ${filter}: ${(cause as Error).message}`, {
          cause,
        })
      }
    }
    return async () => {
      // Until the broker has confirmed, messages that it has taken are on their way, and still the handler's.
      if (this.#limits && this.#subscriptions.isAlone(subscription)) {
        await this.#link?.unsubscribe(filter).catch(() => {})
      }
      this.#subscriptions.remove(subscription)
    }
  }

  /** Ends the connection, as the caller knows it to be dead, and tries the next one without a pause. */
  reconnectNow(reason: string): void {
    if (this.#state.kind === 'stopped' || this.#stopping !== undefined) return
    this.#log('info', 'reconnecting', { reason })
    // With the link forgotten first, its end does not schedule an attempt of its own.
    const link = this.#link
    this.#forgetLink()
    link?.destroy(reason)
    this.#outbox.detach(reason)
    this.#connect(reason)
  }

  #windowBytes(): number {
    const { uplinkBps, maxInFlightBytes } = this.#options
    return windowBytesFor(uplinkBps?.(), maxInFlightBytes)
  }

  /** @param reason Why the connection or attempt before ended. */
  #connect(reason?: string): void {
    clearTimeout(this.#timer)
    const { connectTimeoutMs = 10_000 } = this.#options
    const link: MqttLink = openLink(
      this.#options,
      {
        up: (limits) => {
          if (link === this.#link) void this.#establish(link, limits)
        },
        message: (message) => this.#subscriptions.deliver(message),
        down: (reason, refused) => {
          if (link !== this.#link) return
          if (refused !== undefined) this.#mayRetain = false
          this.#lose(reason)
        },
      },
      this.#mayRetain,
    )
    this.#link = link
    this.#timer = setTimeout(() => link.destroy(`no session within ${connectTimeoutMs} ms`), connectTimeoutMs)
    this.#setState({ kind: 'connecting', attempt: this.#attempts.number, reason })
  }

  async #establish(link: MqttLink, limits: LinkLimits): Promise<void> {
    const { onlineMessage, connectTimeoutMs = 10_000 } = this.#options
    this.#limits = limits
    // Publishing is possible from here on: handlers may already have something to answer.
    this.#outbox.attach({ ...limits, send: (message, done) => link.send(message, done) })
    // The packets leave in this order, unawaited: the broker has subscribed us before anyone sees us online.
    const refused = new Set<string>()
    const answers = [...this.#subscriptions.filters()].map(([filter, terms]) =>
      link.subscribe(filter, terms).catch((error: Error) => {
        if (link !== this.#link) return
        refused.add(filter)
        this.#log('error', 'the broker refused a subscription', { filter, reason: error.message })
      }),
    )
    if (onlineMessage) answers.push(this.#announce(link, onlineMessage, connectTimeoutMs))
    await Promise.all(answers)
    if (link !== this.#link || this.#stopping !== undefined) return
    clearTimeout(this.#timer)
    const { maximumPacketSize, localAddress } = limits
    this.#log('info', 'connected to the broker', { url: this.#options.url })
    this.#setState({ kind: 'online', sinceMs: this.#now(), maximumPacketSize, refused, localAddress })
  }

  async #announce(link: MqttLink, online: FixedMessage, timeoutMs: number): Promise<void> {
    const { topic, payload, retain } = online
    try {
      await this.#outbox.publish(topic, payload, { qos: 1, retain, timeoutMs })
    } catch (error) {
      // Where the connection ended first, its end is what is reported.
      if (link !== this.#link || this.#stopping !== undefined) return
      this.#log('error', 'the online message was not published', { topic, reason: (error as Error).message })
    }
  }

  #lose(cause: string): void {
    clearTimeout(this.#timer)
    const state = this.#state
    const nowMs = this.#now()
    this.#forgetLink()
    this.#outbox.detach(cause)
    if (this.#stopping !== undefined) return
    const { delayMs, hint } = this.#attempts.failed(
      state.kind === 'online' ? nowMs - state.sinceMs : undefined,
    )
    const reason = `${cause}${hint}`
    this.#log('warn', 'no connection to the broker', { reason, retryMs: Math.round(delayMs) })
    this.#timer = setTimeout(() => this.#connect(reason), delayMs)
    this.#setState({ kind: 'offline', sinceMs: nowMs, reason, nextAttemptMs: nowMs + delayMs })
  }

  async #shutDown(): Promise<void> {
    clearTimeout(this.#timer)
    const link = this.#link
    const connected = this.#limits !== undefined
    this.#outbox.close('the session was stopped')
    if (connected) await link?.disconnect(this.#options.offlineMessage, stopTimeoutMs)
    this.#forgetLink()
    link?.destroy('the session was stopped')
    this.#setState({ kind: 'stopped' })
  }

  #forgetLink(): void {
    this.#past = this.traffic()
    this.#link = undefined
    this.#limits = undefined
  }

  #setState(state: SessionState): void {
    this.#state = state
    this.#log('debug', 'session state', { state })
    this.#tell(this.#stateListeners, state)
  }

  #tell<T>(listeners: ReadonlySet<(value: T) => void>, value: T): void {
    for (const listener of listeners) {
      try {
        listener(value)
      } catch (error) {
        this.#log('error', 'a session listener failed', { error })
      }
    }
  }

  #log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#options.log?.(level, message, { clientId: this.#options.clientId, ...fields })
  }
}
