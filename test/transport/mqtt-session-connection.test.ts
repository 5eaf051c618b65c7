import { once } from 'node:events'
import { connect as connectTcp, createServer, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { startBroker } from '../brokers/start-broker.ts'
import { patienceMs } from '../patience.ts'
import {
  cleanups,
  inboxOf,
  onlineSession,
  proxyOf,
  running,
  sessionOf,
  stateOf,
  text,
  within,
} from './session-setup.ts'

describe('MqttSession, connecting', () => {
  it('tells wrong credentials, and keeps trying', async () => {
    const { url } = await running(startBroker({ credentials: { username: 'pi', password: 'right' } }))
    const wrong = new MqttSession({
      url,
      clientId: 'a',
      username: 'pi',
      password: 'wrong',
      backoff: { minMs: 5, maxMs: 20 },
    })
    cleanups.push(() => wrong.stop())
    // Mosquitto says the first, others the second.
    const refusal = /(not authorized|bad user name or password); check user name, password/i
    const refused = stateOf(wrong, 'offline')
    wrong.start()
    expect((await refused).reason).toMatch(refusal)
    const again = await stateOf(wrong, 'connecting')
    expect(again.attempt).toBeGreaterThan(1)
    // Whoever asks just then learns it as well.
    expect(again.reason).toMatch(refusal)
    expect((await stateOf(wrong, 'offline')).reason).toMatch(refusal)
    await onlineSession(url, 'b', { username: 'pi', password: 'right' })
    // Asked anew at each attempt: what comes from a file may not be there yet, or be changed.
    const passwords = [undefined, 'old', 'right'].values()
    const later = sessionOf(url, 'd', {
      username: 'pi',
      password: () => {
        const { value } = passwords.next()
        if (typeof value !== 'string') throw new Error('no such file')
        return value
      },
    })
    later.start()
    await later.whenOnline()
  })

  it('tells what is wrong with files and addresses, and reads files anew at each attempt', async () => {
    const { url, port } = await running(startBroker())
    let reads = 0
    const broken = sessionOf(`mqtts://127.0.0.1:${port}`, 'c', {
      tls: () => {
        reads++
        if (reads === 1) throw new Error('no such file')
        return { ca: '-----BEGIN CERTIFICATE-----\nx' }
      },
    })
    expect((await stateOf(broken, 'offline')).reason).toMatch('no such file')
    // Read again at the next attempt: a renewed certificate needs no restart.
    expect((await stateOf(broken, 'offline')).reason).not.toMatch('no such file')
    expect(reads).toBeGreaterThan(1)
    expect(() => sessionOf(url, 'd', { tls: () => ({}) })).toThrow(/url must start with mqtts:/)
    expect(() => sessionOf('tcp-ish', 'd')).toThrow(TypeError)
    const nobody = sessionOf('mqtt://127.0.0.1:1', 'e')
    expect((await stateOf(nobody, 'offline')).reason).toMatch(/ECONNREFUSED/)
  })

  it('is waited for until the caller gives up, or it stops', async () => {
    const nobody = sessionOf('mqtt://127.0.0.1:1', 'e')
    const patience = new AbortController()
    const waiting = nobody.whenOnline(patience.signal)
    patience.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' })
    const stopped = nobody.whenOnline()
    await Promise.all([nobody.stop(), expect(stopped).rejects.toMatchObject({ code: 'offline' })])
  })

  it('gives up a broker that accepts and then says nothing', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanups.push(() => server.close())
    const { port } = server.address() as { port: number }
    const session = sessionOf(`mqtt://127.0.0.1:${port}`, 'a', { connectTimeoutMs: 30 })
    expect((await stateOf(session, 'offline')).reason).toBe('no session within 30 ms')
  })
})

describe('MqttSession, connected', () => {
  it('says online when it is heard, and its will speaks when the link is cut, offline when it stops', async () => {
    const broker = await running(startBroker())
    const proxy = await proxyOf(broker.port)
    const watcher = await onlineSession(broker.url, 'watcher')
    const next = await inboxOf(watcher, 'state')
    const fixed = (payload: string) => ({ topic: 'state', payload, retain: true })
    const session = new MqttSession({
      url: proxy.url,
      clientId: 'a',
      backoff: { minMs: 5, maxMs: 50 },
      will: fixed('lost'),
      onlineMessage: fixed('online'),
      offlineMessage: fixed('offline'),
    })
    cleanups.push(() => session.stop())
    const heard = await inboxOf(session, 'ask')
    session.start()
    expect(text(await next())).toBe('online')
    // Seen online means subscribed: whoever asks now is heard.
    await watcher.publish('ask', 'now', within)
    await session.whenOnline()
    await session.publish('state', 'working', within)
    expect(text(await next())).toBe('working')
    expect(text(await heard())).toBe('now')
    const lost = stateOf(session, 'offline')
    proxy.cut()
    expect((await lost).reason).not.toBe('')
    expect(text(await next())).toBe('lost')
    expect(text(await next())).toBe('online')
    await session.whenOnline()
    session.reconnectNow('the network changed')
    expect([text(await next()), text(await next())]).toEqual(['lost', 'online'])
    await session.whenOnline()
    await session.stop()
    expect(text(await next())).toBe('offline')
    expect(session.state).toEqual({ kind: 'stopped' })
    // Retained: a late watcher learns the last one, and the will did not follow it.
    const retained = await (await inboxOf(await onlineSession(broker.url, 'later'), 'state'))()
    expect([text(retained), retained.retain]).toEqual(['offline', true])
    session.start()
    expect(text(await next())).toBe('online')
  })

  it('survives the death of the broker: publishes are rejected, never repeated, subscriptions come back', async () => {
    const first = await running(startBroker())
    const proxy = await proxyOf(first.port)
    const session = await onlineSession(proxy.url, 'a', { maxInFlightBytes: 10 })
    const next = await inboxOf(session, 'x')
    proxy.hold(true)
    const rejected = Promise.all(
      ['in flight', 'waiting'].map((word) =>
        expect(session.publish('x', word, within)).rejects.toMatchObject({ code: 'offline' }),
      ),
    )
    const offline = stateOf(session, 'offline')
    await first.stop('SIGKILL')
    proxy.cut()
    await rejected
    expect(await offline).toMatchObject({ nextAttemptMs: expect.any(Number) })
    await expect(session.publish('x', 'early', within)).rejects.toMatchObject({ code: 'offline' })
    expect(session.inFlight().bytes).toBe(0)
    proxy.hold(false)
    await running(startBroker({ port: first.port }))
    await session.whenOnline()
    await session.publish('x', 'again', within)
    expect(text(await next())).toBe('again')
  })

  it('notices a link that went silent, and stops in bounded time on one', async () => {
    const broker = await running(startBroker())
    const [first, second] = [await proxyOf(broker.port), await proxyOf(broker.port)]
    const session = await onlineSession(first.url, 'a', { keepaliveSeconds: 1 })
    const stuck = await onlineSession(second.url, 'b', {
      offlineMessage: { topic: 's', payload: 'x', retain: false },
    })
    const offline = stateOf(session, 'offline')
    first.hold(true)
    second.hold(true)
    const publish = stuck.publish('x', '', within)
    await Promise.all([expect(publish).rejects.toMatchObject({ code: 'offline' }), stuck.stop()])
    expect(stuck.state.kind).toBe('stopped')
    expect((await offline).reason).toMatch(/keepalive/i)
  })

  it('answers what came before it, keeps what comes during it, and loses nothing', async () => {
    const { url, port } = await running(startBroker())
    const sockets = new Set<Socket>()
    let open = true
    // A wire that can be cut: the broker itself lives on, and keeps the session.
    const wire = createServer((near) => {
      if (!open) return void near.destroy()
      const far = connectTcp(port, '127.0.0.1')
      near.pipe(far).pipe(near)
      for (const socket of [near, far]) {
        sockets.add(socket)
        socket.on('error', () => undefined)
        socket.on('close', () => near.destroy() && far.destroy())
      }
    })
    wire.listen(0, '127.0.0.1')
    await once(wire, 'listening')
    cleanups.push(() => wire.close())
    const wirePort = (wire.address() as { port: number }).port
    const agent = await onlineSession(`mqtt://127.0.0.1:${wirePort}`, 'agent', { sessionExpirySeconds: 60 })
    const camera = await onlineSession(url, 'camera')
    const [inputs, results] = [await inboxOf(agent, 'input'), await inboxOf(camera, 'result')]
    const options = { qos: 1, timeoutMs: patienceMs } as const

    open = false
    const offline = stateOf(agent, 'offline')
    for (const socket of sockets) socket.destroy()
    await offline
    const answer = agent.publish('result', 'before', { ...options, kind: 'result' })
    const refused = agent.publish('request', 'tensor', options)
    await expect(refused).rejects.toMatchObject({ code: 'offline' })
    for (const name of ['one', 'two']) await camera.publish('input', name, options)
    open = true

    await answer
    expect(Buffer.from((await results()).payload).toString()).toBe('before')
    const kept = [await inputs(), await inputs()].map(({ payload }) => Buffer.from(payload).toString())
    expect(kept).toEqual(['one', 'two'])
  })
})
