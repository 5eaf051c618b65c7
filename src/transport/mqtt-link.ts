import {
  connect,
  type IClientOptions,
  type IConnackPacket,
  type IPublishPacket,
  type MqttClient,
  ReasonCodes,
} from 'mqtt'
import { deferred } from '../async/deferred.ts'
import type { Delivery, IncomingMessage, OutgoingMessage } from './message.ts'
import type { FixedMessage, SessionOptions } from './session-options.ts'
import type { SubscriptionTerms } from './subscriptions.ts'

/** What the broker said in CONNACK. */
export interface LinkLimits {
  readonly maximumPacketSize: number
  readonly receiveMaximum: number
  /** Of this machine, towards the broker; undefined where the connection does not tell. */
  readonly localAddress: string | undefined
}

/** What has crossed a connection, in MQTT packets: without what TLS, TCP and IP put around them. */
export interface Traffic {
  readonly sentBytes: number
  readonly receivedBytes: number
}

export interface LinkEvents {
  up(limits: LinkLimits): void
  message(message: IncomingMessage): void
  /**
   * Exactly once, and the last event. Never during `openLink`.
   * @param refused what the broker would not have, if it said so and it can be left out.
   */
  down(reason: string, refused?: 'retained will'): void
}

/** One connection to the broker, from CONNECT to its end. */
export interface MqttLink {
  send(message: OutgoingMessage, done: (delivery: Delivery) => void): void
  /** Rejects where the broker refuses or the connection ends. */
  subscribe(filter: string, terms: SubscriptionTerms): Promise<void>
  unsubscribe(filter: string): Promise<void>
  /** So far; 0 where the connection does not count. */
  traffic(): Traffic
  /** Sends the farewell, then DISCONNECT, so that no will is published; resolves when closed or after the time. */
  disconnect(farewell: FixedMessage | undefined, timeoutMs: number): Promise<void>
  /** Closes without a word: the broker publishes the will. */
  destroy(reason: string): void
}

/** W3C Trace Context, section 3.2: version, trace, parent and flags. */
const traceContext = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

/** PUBACK: accepted, and nobody subscribes to the topic (MQTT 5, section 3.4.2.1). */
const noMatchingSubscribers = 0x10

/** CONNACK (section 3.2.2.2). */
const retainNotSupported = 0x9a

/** A topic alias among the properties, whose length may need another byte for it, and the packet's. */
const aliasBytes = 5

/** Largest packet that the encoding allows (MQTT 5, section 2.1.4). */
const protocolMaximumPacketSize = 268_435_460

/**
 * A fresh mqtt.js client per connection, without its reconnecting: its store would send unacknowledged messages again
 * on the next connection, long after their requests were given up.
 * @param mayRetain Where not, nothing is sent as retained, the will included.
 */
export function openLink(options: SessionOptions, events: LinkEvents, mayRetain: boolean): MqttLink {
  let retains = mayRetain
  let client: MqttClient | undefined
  let gather = () => {}
  let ended = false
  const { promise: closed, resolve: setClosed } = deferred<void>()
  const end = (reason: string, refused?: 'retained will') => {
    if (ended) return
    ended = true
    client?.stream.destroy()
    setClosed()
    events.down(reason, refused)
  }
  try {
    client = connect(options.url, clientOptions(options, mayRetain))
    // Nagle's algorithm and delayed acknowledgements together cost 40 ms and more per small message.
    const { stream } = client
    if ('setNoDelay' in stream && typeof stream.setNoDelay === 'function') stream.setNoDelay(true)
    gather = gatheredWrites(stream)
  } catch (error) {
    // Such as a PEM file that cannot be read or parsed.
    queueMicrotask(() => end(describe(error)))
  }
  client?.on('connect', (packet) => {
    retains &&= packet.properties?.retainAvailable !== false
    if (!ended) events.up(limitsOf(packet, client.stream))
  })
  // Not told by mqtt.js to whoever published, who is called right after this.
  const unmatched = new Set<number>()
  client?.on('packetreceive', (packet) => {
    // It may be acknowledged.
    gather()
    if (packet.cmd === 'puback' && packet.reasonCode === noMatchingSubscribers)
      unmatched.add(packet.messageId!)
  })
  client?.on('message', (topic, payload, packet) => {
    if (!ended) events.message(incoming(topic, payload, packet))
  })
  // After an error mqtt.js may go on with a parser that has stopped: there is no safe way but to end.
  client?.on('error', (error) =>
    end(describe(error), 'code' in error && error.code === retainNotSupported ? 'retained will' : undefined),
  )
  client?.on('disconnect', ({ reasonCode = 0 }) => {
    end(
      `the broker ended the connection: ${ReasonCodes[reasonCode as keyof typeof ReasonCodes] || reasonCode}`,
    )
  })
  client?.on('close', () => end('the connection was closed'))
  return {
    send(message, done) {
      const { topic, payload, qos, retain } = message
      const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
      gather()
      client?.publish(
        topic,
        bytes,
        { qos, retain: retain && retains, properties: propertiesOf(message) },
        (cause, packet) => {
          if (cause) return done({ kind: 'refused', cause })
          const isUnmatched = qos === 1 && unmatched.delete(packet!.messageId!)
          done({ kind: isUnmatched ? 'unmatched' : 'taken' })
        },
      )
    },
    async subscribe(filter, { qos, isFresh = false }) {
      // MQTT 5, section 3.8.3.1: retain as published, and no retained messages.
      await client?.subscribeAsync(filter, { qos, ...(isFresh && { rap: true, rh: 2 }) })
    },
    async unsubscribe(filter) {
      await client?.unsubscribeAsync(filter)
    },
    traffic() {
      const stream = client?.stream
      const count = (key: 'bytesRead' | 'bytesWritten') =>
        stream !== undefined && key in stream ? Number(stream[key as keyof typeof stream]) : 0
      return { sentBytes: count('bytesWritten'), receivedBytes: count('bytesRead') }
    },
    async disconnect(farewell, timeoutMs) {
      const timer = setTimeout(() => end('no orderly end in time'), timeoutMs)
      if (farewell === undefined) {
        client?.end()
      } else {
        const { topic, payload, retain } = farewell
        const options = { qos: 1, retain: retain && retains } as const
        client?.publish(topic, Buffer.from(payload), options, () => client.end())
      }
      await closed
      clearTimeout(timer)
    },
    destroy: end,
  }
}

/**
 * Whoever calls this has what is written until the end of this turn of the event loop leave in one piece: chunks of one
 * frame, acknowledgements of others, of which each would cost a call of the kernel and wake the broker.
 */
function gatheredWrites(stream: MqttClient['stream']): () => void {
  let isGathering = false
  return () => {
    if (isGathering) return
    isGathering = true
    stream.cork()
    setImmediate(() => {
      isGathering = false
      stream.uncork()
    })
  }
}

function clientOptions(options: SessionOptions, mayRetain: boolean): IClientOptions {
  const {
    clientId,
    username,
    password,
    tls,
    will,
    keepaliveSeconds = 10,
    connectTimeoutMs = 10_000,
    sessionExpirySeconds = 0,
  } = options
  return {
    protocolVersion: 5,
    clean: sessionExpirySeconds === 0,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    // It would hold a buffer for each of the 65536 packet numbers: 7 MB.
    writeCache: false,
    // Where the broker grants aliases, a topic is sent once and then as three bytes.
    autoAssignTopicAlias: true,
    clientId,
    keepalive: keepaliveSeconds,
    // The session's own limit comes first and covers more.
    connectTimeout: connectTimeoutMs * 2,
    properties: {
      maximumPacketSize: options.maxIncomingBytes ?? 16 * 1024 * 1024,
      ...(sessionExpirySeconds > 0 && { sessionExpiryInterval: sessionExpirySeconds }),
    },
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: typeof password === 'string' ? password : password() }),
    ...(will && {
      will: {
        topic: will.topic,
        payload: Buffer.from(will.payload),
        qos: 1 as const,
        retain: will.retain && mayRetain,
      },
    }),
    ...tls?.(),
  }
}

function limitsOf(packet: IConnackPacket, stream: MqttClient['stream']): LinkLimits {
  const {
    maximumPacketSize = protocolMaximumPacketSize,
    receiveMaximum = 0xffff,
    topicAliasMaximum = 0,
  } = packet.properties ?? {}
  // A topic's first message has its alias as well.
  const spare = topicAliasMaximum > 0 ? aliasBytes : 0
  const localAddress =
    'localAddress' in stream && typeof stream.localAddress === 'string' ? stream.localAddress : undefined
  return { maximumPacketSize: maximumPacketSize - spare, receiveMaximum, localAddress }
}

function propertiesOf(message: OutgoingMessage): NonNullable<IPublishPacket['properties']> {
  const { expirySeconds, correlationData, responseTopic, traceparent } = message
  return {
    ...(expirySeconds !== undefined && { messageExpiryInterval: expirySeconds }),
    ...(correlationData !== undefined && { correlationData: Buffer.from(correlationData) }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(traceparent !== undefined && { userProperties: { traceparent } }),
  }
}

function incoming(topic: string, payload: Uint8Array, packet: IPublishPacket): IncomingMessage {
  const { correlationData, responseTopic, messageExpiryInterval, contentType, userProperties } =
    packet.properties ?? {}
  const traceparent = userProperties?.['traceparent']
  return {
    topic,
    payload,
    retain: packet.retain,
    isRepeated: packet.dup,
    ...(correlationData !== undefined && { correlationData }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(contentType !== undefined && { contentType }),
    ...(typeof traceparent === 'string' && traceContext.test(traceparent) && { traceparent }),
    ...(messageExpiryInterval !== undefined && { expirySeconds: messageExpiryInterval }),
  }
}

/** Words for an operator; Node's error for "every address failed" has no message of its own. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ')
  if (!(error instanceof Error)) return String(error)
  const credentials = new Set([4, 5, 134, 135])
  const hint =
    'code' in error && credentials.has(error.code as number)
      ? '; check user name, password and client id'
      : ''
  return `${error.message.trim()}${hint}`
}
