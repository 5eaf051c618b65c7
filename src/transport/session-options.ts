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
  readonly password?: string
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
  /** Default 128 KiB. */
  readonly maxInFlightBytes?: number
  /** Packets that the broker may send us. Default 16 MiB. */
  readonly maxIncomingBytes?: number
  /** Default 250 to 30,000. */
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
  | { readonly kind: 'connecting'; readonly attempt: number }
  | { readonly kind: 'online'; readonly sinceMs: number; readonly maximumPacketSize: number }
  | {
      readonly kind: 'offline'
      readonly sinceMs: number
      readonly reason: string
      readonly nextAttemptMs: number
    }
