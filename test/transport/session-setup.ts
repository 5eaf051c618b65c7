import { once } from 'node:events'
import { connect as connectTcp, createServer, type Server, type Socket } from 'node:net'
import { afterEach } from 'vitest'
import type { IncomingMessage } from '../../src/transport/message.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import type { SessionOptions, SessionState } from '../../src/transport/session-options.ts'
import type { TestBroker } from '../brokers/test-broker.ts'
import { patienceMs } from '../patience.ts'

/** Called after the test, the last first. */
export const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** A broker that is stopped after the test. */
export async function running(start: Promise<TestBroker>): Promise<TestBroker> {
  const broker = await start
  cleanups.push(() => broker.stop())
  return broker
}

export function sessionOf(url: string, clientId: string, options: Partial<SessionOptions> = {}): MqttSession {
  const session = new MqttSession({ url, clientId, backoff: { minMs: 5, maxMs: 50 }, ...options })
  cleanups.push(() => session.stop())
  session.start()
  return session
}

export async function onlineSession(
  url: string,
  clientId: string,
  options?: Partial<SessionOptions>,
): Promise<MqttSession> {
  const session = sessionOf(url, clientId, options)
  await session.whenOnline()
  return session
}

/** What a session receives, to be awaited one by one. */
export async function inboxOf(session: MqttSession, filter: string) {
  const queue: IncomingMessage[] = []
  let wake = () => {}
  await session.subscribe(filter, (message) => {
    queue.push(message)
    wake()
  })
  return async (): Promise<IncomingMessage> => {
    while (queue.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    return queue.shift()!
  }
}

export function stateOf<K extends SessionState['kind']>(session: MqttSession, kind: K) {
  return new Promise<Extract<SessionState, { kind: K }>>((resolve) => {
    const end = session.onState((state) => {
      if (state.kind !== kind) return
      end()
      resolve(state as Extract<SessionState, { kind: K }>)
    })
  })
}

/** A link between session and broker that can be held still: what is sent stays in it. */
export async function proxyOf(port: number) {
  const sockets = new Set<Socket>()
  let held = false
  const server: Server = createServer((near) => {
    const far = connectTcp(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (data) => to.write(data))
      from.on('error', () => undefined)
      // Over a link that is held not even the end of the other side is heard.
      from.on('close', () => void (held || to.destroy()))
    }
    if (held) far.pause()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  cleanups.push(() => {
    cut()
    server.close()
  })
  return {
    url: `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`,
    hold(value: boolean) {
      held = value
      for (const socket of sockets) void (value ? socket.pause() : socket.resume())
    },
    cut,
  }
}

export const within = { qos: 1, timeoutMs: patienceMs } as const
export const text = (message: IncomingMessage) => Buffer.from(message.payload).toString()
