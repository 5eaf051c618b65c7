import type { Log } from '../telemetry/log.ts'
import type { Backoff } from './backoff.ts'

export interface FixedMessage {
  readonly topic: string
  readonly payload: string | Uint8Array
  readonly retain: boolean
}

export interface SessionOptions {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`, host and port. */
  readonly url: string
  readonly clientId: string
  readonly username?: string
  /** Asked at each attempt to connect where it is a function, whose error is that attempt's. */
  readonly password?: string | (() => string)
  /** PEM texts, asked for at each attempt; what it throws ends the attempt. */
  readonly tls?: () => { readonly ca?: string; readonly cert?: string; readonly key?: string }
  /** The broker publishes it, QoS 1, when the connection ends otherwise than by `stop`. */
  readonly will?: FixedMessage
  /** Published after every connect, before any other message: when it is seen, the subscriptions stand. */
  readonly onlineMessage?: FixedMessage
  /** Published by `stop`. */
  readonly offlineMessage?: FixedMessage
  /** A dead link is noticed after at most 1.5 times this. Default 10. */
  readonly keepaliveSeconds?: number
  /** From the first packet to all subscriptions standing. Default 10,000. */
  readonly connectTimeoutMs?: number
  /**
   * What the uplink is believed to carry, where that is known: no more is in flight than crosses in 150 ms, as it cannot
   * be recalled when something more urgent comes.
   */
  readonly uplinkBps?: () => number | undefined
  /** Also bounds what is in flight. Default 128 KiB. */
  readonly maxInFlightBytes?: number
  /**
   * A frame that has the session to itself leaves whole, whatever the window: where nothing more urgent goes over it. What
   * waits for acknowledgements while a link is faster than believed is late. Default false.
   */
  readonly fillsWhenAlone?: boolean
  /** Payload that may wait to be sent. Default 64 MiB. */
  readonly maxWaitingBytes?: number
  /**
   * For so long after a connection has ended the broker keeps the session's QoS 1 messages. Default 0: every connection
   * starts anew.
   */
  readonly sessionExpirySeconds?: number
  /** Packets that the broker may send us. Default 16 MiB. */
  readonly maxIncomingBytes?: number
  /** Default 250 to 30,000, and to 1000 with a broker on loopback, where trying costs nothing. */
  readonly backoff?: Backoff
  /** Default Math.random. */
  readonly random?: () => number
  /** Monotonic milliseconds. Default performance.now. */
  readonly now?: () => number
  readonly log?: Log
}

/** All times are of the session's `now`. */
export type SessionState =
  | { readonly kind: 'stopped' }
  | {
      readonly kind: 'connecting'
      readonly attempt: number
      /** Why the connection or attempt before ended; absent where there was none. */
      readonly reason?: string | undefined
    }
  | {
      readonly kind: 'online'
      readonly sinceMs: number
      readonly maximumPacketSize: number
      /** Subscriptions that the broker does not grant this client: what is published there does not come. */
      readonly refused: ReadonlySet<string>
      /** Of this machine, towards the broker; absent where the connection does not tell. */
      readonly localAddress?: string | undefined
    }
  | {
      readonly kind: 'offline'
      readonly sinceMs: number
      readonly reason: string
      readonly nextAttemptMs: number
    }
