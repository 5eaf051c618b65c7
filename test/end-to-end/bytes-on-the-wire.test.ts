import { readFile } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type IPublishPacket, parser } from 'mqtt-packet'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readChunkHeader } from '../../src/transport/chunks.ts'
import { decodeFrame } from '../../src/transport/frame.ts'
import { startBroker } from '../brokers/start-broker.ts'
import { bundledPhoto } from '../model-input.ts'
import { askUntil, byWorker } from './ask-until.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

interface Seen {
  readonly packet: IPublishPacket
  /** With the fixed header. */
  readonly bytes: number
}

/** Bytes of a packet whose remaining length is `length`: its first byte, that length in sevens of bits, the rest. */
function wholeBytes(length: number): number {
  let lengthBytes = 1
  for (let rest = length >> 7; rest > 0; rest >>= 7) lengthBytes++
  return 1 + lengthBytes + length
}

/** Stands between an agent and its broker, and keeps what is published either way. */
async function wireTo(brokerUrl: string): Promise<{ url: string; up: Seen[]; down: Seen[]; server: Server }> {
  const { port } = new URL(brokerUrl)
  const [up, down]: [Seen[], Seen[]] = [[], []]
  const watch = (from: Socket, to: Socket, seen: Seen[]) => {
    const packets = parser({ protocolVersion: 5 })
    packets.on('packet', (packet) => {
      if (packet.cmd === 'publish') seen.push({ packet, bytes: wholeBytes(packet.length!) })
    })
    from.on('data', (data: Buffer) => {
      packets.parse(data)
      to.write(data)
    })
    from.on('close', () => to.destroy())
    from.on('error', () => to.destroy())
  }
  const server = createServer((agent) => {
    const broker = connect(Number(port), '127.0.0.1')
    watch(agent, broker, up)
    watch(broker, agent, down)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address() as { port: number }
  return { url: `mqtt://127.0.0.1:${address.port}`, up, down, server }
}

describe('bytes on the wire', () => {
  let running: EndToEnd
  let wire: Awaited<ReturnType<typeof wireTo>>

  beforeAll(async () => {
    running = await endToEnd(startBroker)
    wire = await wireTo(running.broker.url)
  })

  afterAll(async () => {
    await running.close()
    wire.server.close()
  })

  test('a request is at most 150 more than its tensor, a top-5 answer at most 120 beside what is MQTT', async () => {
    await running.start('worker', { worker: 'garage' })
    await running.message(stateTopic.worker('garage'), (text) => text !== '')
    await running.start('agent', {
      device: 'doorbell',
      mqtt: { url: wire.url },
      wound: 'global_average_pooling2d_1',
      featureCodecs: ['uint8'],
    })
    await running.message(stateTopic.agent('doorbell'), (text) => text.includes('online'))
    const photo = await readFile(bundledPhoto('cat'))
    for (let i = 0; i < 3; i++) await askUntil(() => running.ask('doorbell', photo), byWorker)

    const requests = wire.up.filter(({ packet }) => packet.properties?.responseTopic !== undefined)
    const answers = wire.down.filter(({ packet }) => packet.topic.endsWith('/reply'))
    const beside = requests.map(({ packet, bytes }) => {
      const chunk = Buffer.from(packet.payload)
      const frame = decodeFrame(chunk.subarray(readChunkHeader(chunk).headerBytes))
      const parts = frame.kind === 'request' ? frame.parts : []
      return bytes - parts.reduce((sum, part) => sum + part.length, 0)
    })

    expect(requests.length).toBeGreaterThanOrEqual(3)
    expect(Math.max(...beside)).toBeLessThanOrEqual(150)
    expect(Math.min(...beside)).toBeGreaterThan(40)
    expect(Math.max(...answers.map(({ packet }) => packet.payload.length))).toBeLessThanOrEqual(120)
  })
})
