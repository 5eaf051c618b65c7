// Mends what makes aedes 2.0.0-beta.1 unfit for unfriendly or merely slow clients. Reaches into fields that aedes does
// not publish, hence the exact pin of its version; each is named in the interfaces below and nowhere else.

import type { Socket } from 'node:net'
import type { Aedes, AedesOptions, Client, PublishPacket } from 'aedes'

type DeliveredPacket = Parameters<NonNullable<AedesOptions['authorizeForward']>>[1]

interface IncomingPacket {
  readonly cmd?: string
  subscriptions?: { topic: string; qos: number }[]
  unsubscriptions?: string[]
}

interface GuardedParser {
  parse: (bytes: Buffer) => number
  emit(event: 'error', error: Error): boolean
  prependListener(event: 'packet', listener: (packet: IncomingPacket) => void): unknown
}

type WriteDone = (error: Error | null, client: unknown) => void

interface QueuedPacket {
  /** Of what comes from the store of retained messages null. */
  readonly brokerId: string | null
  readonly retain: boolean
  readonly qos: number
  messageId?: number | undefined
}

interface GuardedClient {
  subscriptions: object
  duplicates: object
  readonly clean: boolean
  readonly _nextId: number
  deliverQoS: (packet: QueuedPacket, done: () => void) => void
  readonly _parser: GuardedParser
  waitForDrain: (done: WriteDone) => void
}

interface GuardedBroker {
  clients: object
  brokers: object
  readonly persistence: { outgoingUpdate(client: GuardedClient, packet: QueuedPacket): Promise<unknown> }
}

export interface GuardOptions {
  /** Bytes one client may leave unread before it is a slow consumer. */
  readonly maximumUnreadBytes: number
  /** How long a slow consumer of QoS 0 messages loses messages before it is disconnected. */
  readonly slowConsumerGraceMs: number
  readonly clock: () => number
  readonly log: (message: string) => void
}

/** Filters under this prefix are always refused. */
const refusedPrefix = '$refused/'
const sharePrefix = '$share/'
const maximumQos = 1

/** aedes keeps a packet's filters as keys of a plain object, where this one would replace the prototype. */
const harmlessFilter = (filter: string): string => (filter === '__proto__' ? refusedPrefix + filter : filter)

const isRefusedFilter = (filter: string): boolean =>
  filter.startsWith(sharePrefix) || filter.startsWith(refusedPrefix)

/** Objects indexed by names that clients choose. */
const nameMap = (): object => Object.create(null) as object

/** The handlers that aedes takes as options. */
export function guardHandlers(
  options: GuardOptions,
): Required<Pick<AedesOptions, 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'>> {
  const { maximumUnreadBytes, slowConsumerGraceMs, clock, log } = options
  const slowSinceMs = new WeakMap<Client, number>()

  function authorizeForward(client: Client, packet: DeliveredPacket): DeliveredPacket | null {
    const { conn } = client
    if (conn.writableLength <= maximumUnreadBytes) {
      slowSinceMs.delete(client)
      return packet
    }
    const sinceMs = slowSinceMs.get(client) ?? clock()
    slowSinceMs.set(client, sinceMs)
    // A QoS 1 message must not be dropped in silence: its consumer is told by the loss of the connection.
    if ((packet.qos > 0 || clock() - sinceMs > slowConsumerGraceMs) && !conn.destroyed) {
      log(`disconnects client ${client.id}: ${conn.writableLength} bytes unread`)
      setImmediate(() => conn.destroy(new Error('slow consumer')))
    }
    return null
  }

  return {
    authorizeForward,
    authorizePublish(client, packet, done) {
      done(refusalOfPublish(packet))
    },
    authorizeSubscribe(client, subscription, done) {
      if (!isRefusedFilter(subscription.topic)) {
        done(null, subscription)
        return
      }
      log(`refuses subscription of client ${client.id} to ${subscription.topic}`)
      done(null, null)
    },
  }
}

function refusalOfPublish({ topic, qos }: PublishPacket): Error | null {
  if (topic.startsWith('$')) return new Error("Cannot publish: topic must not start with '$'")
  if (qos > maximumQos) return new Error(`Cannot publish: qos must be 0 or 1, current value is ${qos}`)
  return null
}

/** Mends a broker that has been made with `guardHandlers` and has no client yet. */
export function guardBroker(broker: Aedes, options: GuardOptions): void {
  const { maximumUnreadBytes, log } = options
  const inside = broker as unknown as GuardedBroker
  inside.clients = nameMap()
  inside.brokers = nameMap()
  const handle = broker.handle
  broker.handle = (connection, request) => {
    const client = handle.call(broker, connection, request)
    const guarded = client as unknown as GuardedClient
    guardClient(guarded, connection as Socket, maximumUnreadBytes)
    numberKept(guarded, inside)
    return client
  }
  // An 'error' without a listener would end the process.
  ;(broker as NodeJS.EventEmitter).on('error', (error: Error) => log(`broker error: ${error.message}`))
  broker.on('clientError', (client, error) => log(`client ${client.id}: ${error.message}`))
  broker.on('connectionError', (_client, error) => log(`connection: ${error.message}`))
}

function guardClient(client: GuardedClient, connection: Socket, maximumUnreadBytes: number): void {
  client.subscriptions = nameMap()
  client.duplicates = nameMap()
  const { _parser: parser } = client
  const { parse } = parser
  parser.parse = (bytes) => {
    try {
      return parse.call(parser, bytes)
    } catch (error) {
      parser.emit('error', error instanceof Error ? error : new Error(String(error)))
      return 0
    }
  }
  parser.prependListener('packet', (packet) => {
    if (packet.cmd === 'subscribe')
      for (const subscription of packet.subscriptions ?? []) {
        subscription.topic = harmlessFilter(subscription.topic)
        subscription.qos = Math.min(subscription.qos, maximumQos)
      }
    if (packet.unsubscriptions) packet.unsubscriptions = packet.unsubscriptions.map(harmlessFilter)
  })
  // aedes reads no more from a publisher until every subscriber has drained its socket, so that one stalled
  // subscriber holds up its publishers. Up to the limit the socket's buffer takes it; beyond, `authorizeForward`
  // drops messages, and only a client that leaves its own acknowledgements unread has to wait.
  const { waitForDrain } = client
  client.waitForDrain = (done) => {
    if (connection.writableLength > maximumUnreadBytes) waitForDrain.call(client, done)
    else setImmediate(done, null, client)
  }
}

/** Largest number of a packet in flight (MQTT 5, section 2.2.1). */
const largestMessageId = 0xffff

/**
 * A message that its sender wants kept, for a subscriber who is told so (retain as published), aedes takes for one from
 * its store, for which no session's queue has a place: it sends it without giving that place the packet's number. The
 * acknowledgement then finds nothing to clear, and the message comes again with the session's next connection.
 */
function numberKept(client: GuardedClient, { persistence }: GuardedBroker): void {
  const deliver = client.deliverQoS
  client.deliverQoS = (packet, done) => {
    const isQueued = packet.retain && packet.brokerId !== null && packet.qos > 0 && !client.clean
    if (!isQueued) return deliver(packet, done)
    const { _nextId: messageId } = client
    packet.messageId = messageId
    Object.assign(client, { _nextId: (messageId % largestMessageId) + 1 })
    const go = () => deliver(packet, done)
    // Rejected where the session has ended meanwhile.
    persistence.outgoingUpdate(client, packet).then(go, go)
  }
}
