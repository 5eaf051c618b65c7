import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectSocket, type Socket } from 'node:net'
import { connectAsync, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  createEmbeddedBroker,
  type EmbeddedBroker,
  type EmbeddedBrokerOptions,
} from '../../src/embedded-broker/embedded-broker.ts'

let broker: EmbeddedBroker
let port: number
let logged: string[]
let clients: MqttClient[]
let sockets: Socket[]

async function startBroker(options: EmbeddedBrokerOptions = {}): Promise<void> {
  broker = createEmbeddedBroker({ log: (message) => logged.push(message), ...options })
  ;({ port } = await broker.start())
}

async function join(options: IClientOptions = {}): Promise<MqttClient> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
    protocolVersion: 5,
    reconnectPeriod: 0,
    ...options,
  })
  client.on('error', () => undefined)
  clients.push(client)
  return client
}

function rawSocket(): Socket {
  const socket = connectSocket(port, '127.0.0.1')
  socket.on('error', () => undefined)
  sockets.push(socket)
  return socket
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()))

function nextMessage(client: MqttClient): Promise<IPublishPacket> {
  return new Promise((resolve) => client.once('message', (_topic, _payload, packet) => resolve(packet)))
}

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 255), bytes])
}

/** Fixed header, remaining length, body. */
function packet(header: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length: number[] = []
  for (let rest = body.length; length.length === 0 || rest > 0; rest >>= 7)
    length.push((rest & 127) | (rest > 127 ? 128 : 0))
  return Buffer.concat([Buffer.of(header, ...length), body])
}

const connect311 = (id: string): Buffer => packet(0x10, text('MQTT'), Buffer.of(4, 2, 0, 0), text(id))
const connect5 = (id: string): Buffer => packet(0x10, text('MQTT'), Buffer.of(5, 2, 0, 0, 0), text(id))
const subscribe311 = (topic: string, qos: number): Buffer =>
  packet(0x82, Buffer.of(0, 1), text(topic), Buffer.of(qos))

beforeEach(() => {
  logged = []
  clients = []
  sockets = []
})

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await Promise.all(clients.map((client) => client.endAsync(true)))
  await broker.stop()
})

/** A message between two new clients arrives: the broker is alive and serves others. */
async function expectService(): Promise<void> {
  const [from, to] = await Promise.all([join(), join()])
  await to.subscribeAsync('service/check', { qos: 1 })
  const message = nextMessage(to)
  await from.publishAsync('service/check', 'alive', { qos: 1 })
  expect(String((await message).payload)).toBe('alive')
}

describe('createEmbeddedBroker, messages', () => {
  beforeEach(() => startBroker())

  test('carries MQTT 5 properties and tells its packet limit', async () => {
    let properties: object | undefined
    const [from, to] = await Promise.all([join(), join()])
    const third = clients.push(await connectWatching((found) => (properties = found)))
    expect(third).toBe(3)
    expect(properties).toMatchObject({
      maximumPacketSize: 8_454_144,
      sharedSubscriptionAvailable: false,
    })
    await to.subscribeAsync('a/+', { qos: 1 })
    const message = nextMessage(to)
    const correlationData = randomBytes(16)
    await from.publishAsync('a/b', 'x', {
      qos: 1,
      properties: {
        correlationData,
        responseTopic: 'a/reply',
        messageExpiryInterval: 5,
        userProperties: { k: 'v' },
      },
    })
    expect((await message).properties).toMatchObject({
      correlationData,
      responseTopic: 'a/reply',
      messageExpiryInterval: 5,
      userProperties: { k: 'v' },
    })
  })

  async function connectWatching(found: (properties: object | undefined) => void): Promise<MqttClient> {
    const { connect } = await import('mqtt')
    const client = connect(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5, reconnectPeriod: 0 })
    await new Promise<void>((resolve) =>
      client.once('connect', (connack) => {
        found(connack.properties)
        resolve()
      }),
    )
    return client
  }

  test('keeps retained messages and publishes the will of a client that is cut off, for MQTT 3.1.1 as well', async () => {
    const worker = await join({
      will: { topic: 'state/w', payload: Buffer.from('gone'), qos: 1, retain: true },
      protocolVersion: 4,
    })
    await worker.publishAsync('state/w', 'ready', { qos: 1, retain: true })
    const agent = await join()
    const retained = nextMessage(agent)
    await agent.subscribeAsync('state/#', { qos: 1 })
    expect(await retained).toMatchObject({ retain: true, payload: Buffer.from('ready') })
    const will = nextMessage(agent)
    worker.stream.destroy()
    expect((await will).payload).toEqual(Buffer.from('gone'))
  })

  test('what a session has acknowledged does not come again with its next connection, kept or not', async () => {
    const session = { clientId: 'session', clean: false, properties: { sessionExpiryInterval: 60 } }
    const options = { qos: 1, rap: true, rh: 2 } as const
    const from = await join()
    const first = await join(session)
    await first.subscribeAsync('in/#', options)
    const received: [string, boolean][] = []
    const takeDown = (_: string, payload: Buffer, { retain }: IPublishPacket) =>
      void received.push([String(payload), retain])
    first.on('message', takeDown)
    const lastOf = (client: MqttClient, text: string) =>
      new Promise<void>((resolve) =>
        client.on('message', (_, payload) => String(payload) === text && resolve()),
      )
    const plain = lastOf(first, 'plain')
    await from.publishAsync('in/x', 'kept', { qos: 1, retain: true })
    await from.publishAsync('in/x', 'plain', { qos: 1 })
    await plain
    await first.endAsync()
    await from.publishAsync('in/x', 'meanwhile', { qos: 1, retain: true })
    const again = await join(session)
    again.on('message', takeDown)
    const last = lastOf(again, 'last')
    await again.subscribeAsync('in/#', options)
    await from.publishAsync('in/x', 'last', { qos: 1 })
    await last
    expect(received).toEqual([
      ['kept', true],
      ['plain', false],
      ['meanwhile', true],
      ['last', false],
    ])
  })

  test('carries a payload of 1 MB unchanged', async () => {
    const [from, to] = await Promise.all([join(), join()])
    await to.subscribeAsync('big', { qos: 1 })
    const payload = randomBytes(1_000_000)
    const message = nextMessage(to)
    await from.publishAsync('big', payload, { qos: 1 })
    const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
    expect(digest((await message).payload as Buffer)).toBe(digest(payload))
  })

  test('refuses QoS 2, shared subscriptions and reserved topics, and keeps the connection', async () => {
    const client = await join()
    await expect(client.publishAsync('t', 'x', { qos: 2 })).rejects.toThrow('Not authorized')
    await expect(client.publishAsync('$SYS/x', 'x', { qos: 1 })).rejects.toThrow('Not authorized')
    await expect(client.subscribeAsync('$share/g/t')).rejects.toThrow('Shared Subscriptions not supported')
    expect(await client.subscribeAsync('t', { qos: 2 })).toMatchObject([{ topic: 't', qos: 1 }])
    const old = await join({ protocolVersion: 4 })
    await expect(old.subscribeAsync('$share/g/t')).rejects.toThrow('Unspecified error')
    await expect(join({ will: { topic: 't', payload: Buffer.alloc(0), qos: 2 } })).rejects.toThrow(
      'Not authorized',
    )
    expect([client.connected, old.connected]).toEqual([true, true])
  })

  test.for(['__proto__', 'constructor', 'hasOwnProperty'])(
    'client id and topic %s are harmless',
    async (name) => {
      const client = await join({ clientId: name, clean: false, properties: { sessionExpiryInterval: 60 } })
      const other = await join()
      // `__proto__` as a filter is refused, as aedes would lose every other filter of the packet.
      await client.subscribeAsync([name, 'other', `a/${name}`]).catch(() => undefined)
      await client.subscribeAsync('other', { qos: 1 })
      for (const topic of [name, `a/${name}`]) await other.publishAsync(topic, 'x', { qos: 1, retain: true })
      await client.unsubscribeAsync([name, 'nothing']).catch(() => undefined)
      await client.endAsync(true)
      const again = await join({ clientId: name, clean: false, properties: { sessionExpiryInterval: 60 } })
      const message = new Promise<void>((resolve) =>
        again.on('message', (topic) => topic === 'other' && resolve()),
      )
      await other.publishAsync('other', 'x', { qos: 1 })
      await message
      expect(again.connected).toBe(true)
      await expectService()
    },
  )
})

describe('createEmbeddedBroker, misbehaving clients', () => {
  test('an oversize packet costs its sender the connection, and nobody else', async () => {
    await startBroker({ maximumPacketBytes: 100_000 })
    const [bad, good] = await Promise.all([join(), join()])
    const disconnected = new Promise<number | undefined>((resolve) =>
      bad.once('disconnect', ({ reasonCode }) => resolve(reasonCode)),
    )
    bad.publish('t', Buffer.alloc(100_001), { qos: 1 })
    expect(await disconnected).toBe(0x95)
    const liar = rawSocket()
    // Declares 256 MB and sends little of it.
    liar.write(
      Buffer.concat([connect311('liar'), Buffer.of(0x30, 0xff, 0xff, 0xff, 0x7f), Buffer.alloc(1000)]),
    )
    await closed(liar)
    expect(good.connected).toBe(true)
    await expectService()
  })

  test('a stalled subscriber holds up neither its publisher nor others, and is disconnected in the end', async () => {
    await startBroker()
    const stalled = rawSocket()
    stalled.write(Buffer.concat([connect311('stalled'), subscribe311('frames', 1)]))
    await once(stalled, 'data')
    stalled.pause()
    const stalledClosed = closed(stalled)
    const [from, to] = await Promise.all([join(), join()])
    await to.subscribeAsync('small', { qos: 1 })
    let received = 0
    const all = new Promise<void>((resolve) => to.on('message', () => ++received === 1000 && resolve()))
    const frame = Buffer.alloc(20_000)
    const send = (): void => {
      from.publish('frames', frame, { qos: 1 })
      from.publish('small', 'x', { qos: 1 })
    }
    // More than the kernel takes, less than the limit; without the guard the publisher's own messages stop coming.
    for (let i = 0; i < 1000; i++) send()
    await all
    expect(logged).toEqual([])
    for (let i = 0; i < 500; i++) send()
    await from.publishAsync('small', 'last', { qos: 1 })
    while (logged.length === 0) await from.publishAsync('frames', frame, { qos: 1 })
    expect(logged[0]).toMatch(/disconnects client stalled: \d+ bytes unread/)
    stalled.resume()
    await stalledClosed
    expect([from.connected, to.connected]).toEqual([true, true])
  })

  test('2,000 random and mutated packets leave the broker alive', async () => {
    await startBroker({ maximumPacketBytes: 100_000 })
    let state = 12_345
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const names = [
      'a/b',
      '__proto__',
      'constructor',
      '#',
      '+/x',
      '$share/g/t',
      '$SYS/#',
      '',
      'x/'.repeat(150),
      '\u0000',
      'a#/+b',
    ]
    const name = (): Buffer => text(names[random(names.length)]!)
    const templates: (() => Buffer)[] = [
      () => packet(0x82, Buffer.of(0, 7), name(), Buffer.of(random(4)), name(), Buffer.of(1)),
      () => packet(0x82, Buffer.of(0, 7, 0), name(), Buffer.of(random(64)), name(), Buffer.of(2)),
      () => packet(0xa2, Buffer.of(0, 8), name(), name()),
      () => packet(0x30 | random(16), name(), Buffer.of(0, random(9)), Buffer.alloc(random(200), 7)),
      () => packet(0x32, name(), Buffer.of(0, 9, 0), Buffer.from('payload')),
      () => packet(0x32, name(), Buffer.of(0, 9, 5, 2, 0, 0, 0, random(3), 0x23, 0, 1)),
      () =>
        packet([0x40, 0x50, 0x62, 0x70, 0xc0, 0xe0, 0xf0, 0x20, 0x90][random(9)]!, Buffer.of(0, random(9))),
      () => packet(0x10, text('MQTT'), Buffer.of(random(7), random(256), 0, 5), name(), name(), name()),
      () => Buffer.from(Array.from({ length: 1 + random(60) }, () => random(256))),
    ]
    const bystander = await join()
    let sent = 0
    for (let connection = 0; connection < 250; connection++) {
      const socket = rawSocket()
      const id = names[random(names.length)]! || `f${connection}`
      const parts = random(5) === 0 ? [] : [random(2) === 0 ? connect311(id) : connect5(id)]
      for (let i = 0; i < 8; i++, sent++) {
        const bytes = Buffer.from(templates[random(templates.length)]!())
        if (random(2) === 0)
          for (let flips = random(4); flips >= 0; flips--) bytes[random(bytes.length)] = random(256)
        parts.push(random(10) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes)
      }
      const all = Buffer.concat(parts)
      const cut = random(all.length)
      await once(socket, 'connect')
      socket.setNoDelay(true).resume()
      socket.write(all.subarray(0, cut))
      await new Promise(setImmediate)
      const ends = closed(socket)
      socket.end(all.subarray(cut))
      await ends
    }
    expect(sent).toBe(2000)
    expect(logged.length).toBeGreaterThan(50)
    expect(bystander.connected).toBe(true)
    await expectService()
  })
})

describe('createEmbeddedBroker, life', () => {
  test('asks for user name and password where they are set', async () => {
    await startBroker({ credentials: { username: 'pi', password: 'secret' } })
    await expect(join()).rejects.toMatchObject({ code: 0x86 })
    await expect(join({ username: 'pi', password: 'wrong' })).rejects.toMatchObject({ code: 0x86 })
    const client = await join({ username: 'pi', password: 'secret' })
    expect(client.connected).toBe(true)
  })

  test('stop closes clients, even one that has stopped reading, and frees the port; start works again', async () => {
    await startBroker()
    await expect(broker.start()).resolves.toEqual({ port })
    const client = await join()
    const stalled = rawSocket()
    stalled.write(Buffer.concat([connect311('stalled'), subscribe311('t', 0)]))
    await once(stalled, 'data')
    stalled.pause()
    for (let i = 0; i < 8; i++) await client.publishAsync('t', Buffer.alloc(1_000_000))
    await client.publishAsync('t', 'last', { qos: 1 })
    const clientClosed = new Promise<void>((resolve) => client.once('close', () => resolve()))
    await broker.stop()
    await broker.stop()
    await clientClosed
    const before = port
    await startBroker({ port: before })
    expect(port).toBe(before)
    await expect(createEmbeddedBroker({ port: before }).start()).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await expectService()
  })

  test('refuses to listen beyond loopback unless told', async () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.2', 'example.org', '127.example.org'])
      expect(() => createEmbeddedBroker({ host })).toThrow(
        `Cannot create the embedded broker: host must be a loopback address (127.0.0.1, ::1 or localhost) unless allowRemoteClients is true, current value is '${host}'`,
      )
    expect(() => createEmbeddedBroker({ host: '0.0.0.0', allowRemoteClients: true })).not.toThrow()
    await startBroker({ host: 'localhost' })
  })
})
