import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { generate, type IPublishPacket, type Packet, parser } from 'mqtt-packet'
import { deferred } from '../../src/async/deferred.ts'

/** MQTT 5: where the numbers of packets in flight begin again. */
const packetNumbers = 0xffff
const mqtt5 = { protocolVersion: 5 } as const

/** What a request carries besides its frame. */
export interface CrowdRequest {
  readonly topic: string
  readonly payload: Buffer
  readonly correlationData: Buffer
  /** Whole seconds. */
  readonly expirySeconds: number
}

/**
 * What a broker and a worker see of an agent: a connection that asks, acknowledges and is answered, QoS 1 both ways. A
 * thousand whole sessions would need more of the machine than the pool that is measured.
 */
export class CrowdAgent {
  readonly #socket: Socket
  readonly #replyTopic: string
  readonly #onReply: (correlation: Buffer, payload: Buffer) => void
  #number = 0
  readonly #granted = deferred<void>()

  private constructor(
    socket: Socket,
    replyTopic: string,
    onReply: (correlation: Buffer, payload: Buffer) => void,
  ) {
    this.#socket = socket
    this.#replyTopic = replyTopic
    this.#onReply = onReply
  }

  /**
   * Resolves once the broker has granted the reply topic.
   * @param url mqtt://HOST:PORT.
   * @throws {Error} where the broker is not there or refuses.
   */
  static async connect(
    url: string,
    clientId: string,
    replyTopic: string,
    onReply: (correlation: Buffer, payload: Buffer) => void,
  ): Promise<CrowdAgent> {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port || 1883), noDelay: true })
    await once(socket, 'connect')
    const agent = new CrowdAgent(socket, replyTopic, onReply)
    const packets = parser(mqtt5)
    packets.on('packet', (packet: Packet) => agent.#take(packet))
    socket.on('data', (bytes) => packets.parse(bytes))
    const closed = () => agent.#granted.reject(new Error(`The broker closed the connection of ${clientId}`))
    packets.on('error', (error: Error) => socket.destroy(error))
    socket.on('error', closed).on('close', closed)
    agent.#send({ cmd: 'connect', clientId, clean: true, keepalive: 0, ...mqtt5 })
    agent.#send({
      cmd: 'subscribe',
      messageId: agent.#next(),
      subscriptions: [{ topic: replyTopic, qos: 1 }],
    })
    await agent.#granted.promise
    return agent
  }

  /** What the broker does not take shows as a request that is not answered. */
  ask({ topic, payload, correlationData, expirySeconds }: CrowdRequest): void {
    const properties = {
      responseTopic: this.#replyTopic,
      correlationData,
      messageExpiryInterval: expirySeconds,
    }
    const flags = { qos: 1, dup: false, retain: false } as const
    this.#send({ cmd: 'publish', messageId: this.#next(), ...flags, topic, payload, properties })
  }

  stop(): void {
    this.#socket.end(generate({ cmd: 'disconnect' }, mqtt5))
  }

  #take(packet: Packet): void {
    if (packet.cmd === 'suback' || packet.cmd === 'connack') this.#answered(packet)
    if (packet.cmd === 'publish') this.#receive(packet)
  }

  #answered(packet: Packet): void {
    const codes = packet.cmd === 'suback' ? packet.granted : []
    const refused =
      packet.cmd === 'connack' ? packet.reasonCode !== 0 : codes.some((code) => Number(code) >= 0x80)
    if (refused) this.#granted.reject(new Error(`The broker refused ${packet.cmd} for ${this.#replyTopic}`))
    else if (packet.cmd === 'suback') this.#granted.resolve()
  }

  #receive({ messageId, payload, properties }: IPublishPacket): void {
    this.#send({ cmd: 'puback', messageId: messageId!, reasonCode: 0 })
    const { correlationData = Buffer.alloc(0) } = properties ?? {}
    this.#onReply(correlationData, payload as Buffer)
  }

  #next(): number {
    this.#number = (this.#number % packetNumbers) + 1
    return this.#number
  }

  #send(packet: Packet): void {
    this.#socket.write(generate(packet, mqtt5))
  }
}
