import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

/** What stands before brokers in the field: takes WebSockets and hands on what they carry. `asked`: paths and subprotocols. */
export interface WebSocketBridge {
  readonly port: number
  readonly asked: readonly { readonly path: string; readonly protocol: string }[]
  readonly stop: () => Promise<void>
}

/** RFC 6455, section 1.3. */
const handshake = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

export async function startWebSocketBridge(brokerPort: number): Promise<WebSocketBridge> {
  const asked: { path: string; protocol: string }[] = []
  const sockets = new Set<Socket>()
  const server = createServer()
  server.on('upgrade', ({ url = '', headers }, socket: Socket, head: Buffer) => {
    const protocol = String(headers['sec-websocket-protocol'])
    asked.push({ path: url, protocol })
    const key = createHash('sha1').update(`${headers['sec-websocket-key']}${handshake}`).digest('base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
    )
    const broker = connect({ port: brokerPort, host: '127.0.0.1', noDelay: true })
    for (const end of [socket, broker]) sockets.add(end)
    for (const [one, other] of [
      [socket, broker],
      [broker, socket],
    ] as const)
      one.on('error', () => undefined).on('close', () => other.destroy())
    broker.on('data', (bytes: Buffer) => socket.write(Buffer.concat([frameHeader(bytes.length), bytes])))
    let waiting = Buffer.alloc(0)
    const take = (bytes: Buffer) => {
      waiting = Buffer.concat([waiting, bytes])
      for (let frame = firstFrame(waiting); frame !== undefined; frame = firstFrame(waiting)) {
        waiting = waiting.subarray(frame.length)
        if (frame.opcode === 8) return void socket.end()
        broker.write(frame.payload)
      }
    }
    take(head)
    socket.on('data', take)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Of a whole binary message from a server. */
function frameHeader(bytes: number): Buffer {
  if (bytes < 126) return Buffer.of(0x82, bytes)
  if (bytes < 65_536) return Buffer.of(0x82, 126, bytes >>> 8, bytes & 0xff)
  const header = Buffer.alloc(10)
  header.set([0x82, 127])
  header.writeBigUInt64BE(BigInt(bytes), 2)
  return header
}

/** A client's frame, which is masked; undefined where not all of it is there. */
function firstFrame(
  bytes: Buffer,
): { readonly opcode: number; readonly payload: Buffer; readonly length: number } | undefined {
  if (bytes.length < 2) return undefined
  const short = bytes[1]! & 0x7f
  const extra = short === 127 ? 8 : short === 126 ? 2 : 0
  const begin = 2 + extra + 4
  if (bytes.length < begin) return undefined
  const size = extra === 8 ? Number(bytes.readBigUInt64BE(2)) : extra === 2 ? bytes.readUInt16BE(2) : short
  if (bytes.length < begin + size) return undefined
  const mask = bytes.subarray(begin - 4, begin)
  const payload = Buffer.from(bytes.subarray(begin, begin + size).map((byte, i) => byte ^ mask[i % 4]!))
  return { opcode: bytes[0]! & 0x0f, payload, length: begin + size }
}
