import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { reachBroker } from '../../cli/reach-broker.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'

test('whoever gives up during a later attempt is told what the one before ended by', async () => {
  const patience = new AbortController()
  const sockets: Socket[] = []
  // Ends the first connection, and never answers the second.
  const server = createServer((socket) => {
    sockets.push(socket)
    if (sockets.length === 1) socket.destroy()
    else patience.abort()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `mqtt://127.0.0.1:${port}`
  const session = new MqttSession({ url, clientId: 'cli', backoff: { minMs: 1, maxMs: 1 } })
  try {
    expect(await reachBroker(session, patience.signal)).toMatch(/closed|ECONNRESET/)
    expect(session.state.kind).toBe('connecting')
  } finally {
    await session.stop()
    for (const socket of sockets) socket.destroy()
    server.close()
  }
})

test('whoever gives up during the first attempt is told that nobody answers', async () => {
  const session = new MqttSession({ url: 'mqtt://127.0.0.1:1', clientId: 'cli' })
  expect(await reachBroker(session, AbortSignal.abort())).toBe('no answer')
  await session.stop()
})
