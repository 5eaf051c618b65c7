import { checkTopic } from './topic-filter.ts'

/** What a PUBLISH carries, apart from its delivery. */
export interface OutgoingMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1
  readonly retain: boolean
  readonly expirySeconds?: number | undefined
  readonly correlationData?: Uint8Array | undefined
  readonly responseTopic?: string | undefined
  /** Whose trace it belongs to (W3C Trace Context), as the user property of that name. */
  readonly traceparent?: string | undefined
}

export interface IncomingMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly correlationData?: Uint8Array
  readonly responseTopic?: string
  /** What is left of the sender's expiry when the broker sent it on. */
  readonly expirySeconds?: number
  /** The broker had kept it: it may be old. */
  readonly retain: boolean
  /** As its sender declares it. */
  readonly contentType?: string
  /** Whose trace it belongs to; absent where it is none of W3C's form. */
  readonly traceparent?: string
  /** Sent before, on this connection or an earlier one, without an acknowledgement. */
  readonly isRepeated?: boolean
}

/** What became of a message at the broker. */
export type Delivery =
  | { readonly kind: 'taken' }
  /** Taken, and nobody subscribes to its topic. Not every broker says so: `taken` is no proof of the contrary. */
  | { readonly kind: 'unmatched' }
  | { readonly kind: 'refused'; readonly cause: Error }

/** @throws {RangeError} where a field does not fit its property: mqtt.js would end the connection over it. */
export function checkMessage({
  topic,
  expirySeconds,
  correlationData,
  responseTopic,
}: OutgoingMessage): void {
  checkTopic(topic)
  if (responseTopic !== undefined) checkTopic(responseTopic)
  if (
    expirySeconds !== undefined &&
    !(Number.isInteger(expirySeconds) && expirySeconds >= 0 && expirySeconds < 2 ** 32)
  ) {
    throw new RangeError(
      `Cannot publish: expirySeconds must be an integer of 32 bits, current value is ${expirySeconds}`,
    )
  }
  if (correlationData !== undefined && correlationData.length > 0xffff) {
    throw new RangeError(
      `Cannot publish: correlationData must be at most 65535 bytes, current value is ${correlationData.length}`,
    )
  }
}

/** Size of a message as a PUBLISH packet (MQTT 5, section 3.3), header included: what Maximum Packet Size limits. */
export function packetBytes(message: OutgoingMessage): number {
  let properties = 0
  if (message.expirySeconds !== undefined) properties += 5
  if (message.correlationData !== undefined) properties += 3 + message.correlationData.length
  if (message.responseTopic !== undefined) properties += 3 + Buffer.byteLength(message.responseTopic)
  if (message.traceparent !== undefined)
    properties += 5 + 'traceparent'.length + Buffer.byteLength(message.traceparent)
  const packetId = message.qos === 0 ? 0 : 2
  const remaining =
    2 +
    Buffer.byteLength(message.topic) +
    packetId +
    variableBytes(properties) +
    properties +
    message.payload.length
  return 1 + variableBytes(remaining) + remaining
}

/** Length of a variable byte integer (section 1.5.5). */
function variableBytes(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  return value < 0x20_0000 ? 3 : 4
}
