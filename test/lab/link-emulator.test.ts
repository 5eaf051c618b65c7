import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { linearRegression } from 'simple-statistics'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Capacity } from '../../lab/link-capacity.ts'
import { createLinkEmulator, type LinkEmulator } from '../../lab/link-emulator.ts'
import { readMahimahiTrace } from '../../lab/mahimahi-trace.ts'
import { noSharedData, sharedData } from '../shared-data.ts'

let server: Server
let targetPort: number
/** Sockets the server has accepted, in order. */
let accepted: Socket[]
let link: LinkEmulator | undefined
const clients: Socket[] = []

beforeEach(async () => {
  accepted = []
  server = createServer((socket) => {
    accepted.push(socket)
    socket.on('error', () => undefined)
    server.emit('accepted')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  targetPort = (server.address() as AddressInfo).port
})

afterEach(async () => {
  for (const socket of [...clients.splice(0), ...accepted]) socket.destroy()
  await link?.stop()
  await new Promise((resolve) => server.close(resolve))
})

async function open(
  uplink: Capacity,
  downlink: Capacity = Infinity,
  oneWayDelayMs = 0,
): Promise<[Socket, Socket]> {
  link = createLinkEmulator({ targetPort, uplink, downlink, oneWayDelayMs })
  await link.start()
  return join()
}

async function join(): Promise<[Socket, Socket]> {
  const arrives = once(server, 'accepted')
  const client = connect(await link!.start(), '127.0.0.1')
  client.setNoDelay(true).on('error', () => undefined)
  clients.push(client)
  await arrives
  return [client, accepted.at(-1)!]
}

/** Unlike `once`, does not reject when the socket is reset. */
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()))

/**
 * Bits per second seen by the receiver over `windowMs`, from the first byte it gets on: the slope of a line through
 * (time, bytes so far), which a receiver that is now and then late to look hardly bends.
 */
function measure(sender: Socket, receiver: Socket, windowMs: number): Promise<number> {
  return new Promise((resolve) => {
    const chunk = Buffer.alloc(16_384)
    const feed = (): void => {
      while (sender.write(chunk));
    }
    sender.on('drain', feed)
    feed()
    const seen: [number, number][] = []
    let bytes = 0
    const take = (data: Buffer): void => {
      bytes += data.length
      seen.push([performance.now(), bytes])
      if (seen.at(-1)![0] - seen[0]![0] < windowMs) return
      sender.removeListener('drain', feed)
      receiver.removeListener('data', take).resume()
      resolve(linearRegression(seen).m * 8000)
    }
    receiver.on('data', take)
  })
}

describe('createLinkEmulator, rates', () => {
  test.for([
    [0.2, 'up'],
    [1, 'down'],
    [5, 'up'],
    [20, 'down'],
    [50, 'up'],
    [50, 'down'],
  ] as const)('%s Mbps %s within 5 %', { retry: 1 }, async ([mbps, way]) => {
    const rate = mbps * 1e6
    const windowMs = mbps < 1 ? 900 : 800
    const [client, far] = await open(way === 'up' ? rate : Infinity, way === 'down' ? rate : Infinity)
    const measured = await (way === 'up' ? measure(client, far, windowMs) : measure(far, client, windowMs))
    expect(measured / rate).toBeGreaterThan(0.95)
    expect(measured / rate).toBeLessThan(1.05)
  })

  test('two connections share one link', { retry: 1 }, async () => {
    const first = await open(4e6)
    const second = await join()
    const received = [0, 0]
    let startMs = 0
    const rates = await new Promise<number[]>((resolve) => {
      for (const [index, [client, far]] of [first, second].entries()) {
        const chunk = Buffer.alloc(16_384)
        const feed = (): void => {
          while (client.write(chunk));
        }
        client.on('drain', feed)
        feed()
        far.on('data', (data) => {
          const nowMs = performance.now()
          received[index]! += data.length
          if (startMs === 0 && Math.min(...received) > 20_000) {
            startMs = nowMs
            received.fill(0)
          }
          if (startMs > 0 && nowMs > startMs + 800)
            resolve(received.map((bytes) => (bytes * 8000) / (nowMs - startMs)))
        })
      }
    })
    expect((rates[0]! + rates[1]!) / 4e6).toBeGreaterThan(0.95)
    expect((rates[0]! + rates[1]!) / 4e6).toBeLessThan(1.05)
    expect(Math.min(...rates) / Math.max(...rates)).toBeGreaterThan(0.9)
  })

  test('a trace gives its average rate', { retry: 1 }, async () => {
    // 12 packets in 20 ms, unevenly: 7.2 Mbps.
    const opportunitiesMs = [1, 1, 1, 2, 2, 9, 9, 9, 9, 16, 16, 20]
    const rate = await measure(...(await open({ opportunitiesMs })), 900)
    expect(rate / 7.2e6).toBeGreaterThan(0.95)
    expect(rate / 7.2e6).toBeLessThan(1.05)
  })

  const recorded = sharedData('traces/mahimahi/TMobile-LTE-short.down')
  test('a recorded trace gives its rate over its first seconds', { retry: 1 }, async ({ skip }) => {
    if (recorded === undefined) return skip(noSharedData)
    const trace = await readMahimahiTrace(recorded)
    const windowMs = 1500
    const startMs = trace.opportunitiesMs[0]!
    const within = trace.opportunitiesMs.filter((ms) => ms <= startMs + windowMs)
    const expected = linearRegression(within.map((ms, index) => [ms, (index + 1) * 1500])).m * 8000
    const [client, far] = await open(0)
    link!.set({ uplink: trace })
    const rate = await measure(client, far, windowMs)
    expect(rate / expected).toBeGreaterThan(0.95)
    expect(rate / expected).toBeLessThan(1.05)
  })

  test('a rate set during a transfer holds from then on', { retry: 1 }, async () => {
    const [client, far] = await open(1e6)
    expect((await measure(client, far, 300)) / 1e6).toBeLessThan(1.2)
    link!.set({ uplinkBps: 10e6 })
    const rate = await measure(client, far, 600)
    expect(rate / 10e6).toBeGreaterThan(0.93)
    expect(rate / 10e6).toBeLessThan(1.07)
  })
})

describe('createLinkEmulator, behaviour', () => {
  test('a byte and its echo take twice the delay', { retry: 1 }, async () => {
    const [client, far] = await open(1e6, 1e6, 40)
    far.pipe(far)
    const roundTrips: number[] = []
    for (let i = 0; i < 3; i++) {
      const startMs = performance.now()
      client.write('x')
      await once(client, 'data')
      roundTrips.push(performance.now() - startMs)
    }
    expect(Math.min(...roundTrips)).toBeGreaterThanOrEqual(80)
    expect(Math.min(...roundTrips)).toBeLessThan(90)
  })

  test('an outage loses, changes and closes nothing', async () => {
    const [client, far] = await open(40e6, 40e6, 2)
    const bytes = randomBytes(3_000_000)
    const hash = createHash('sha256')
    const echoed = createHash('sha256')
    let received = 0
    let outages = 0
    far.on('data', (data) => {
      hash.update(data)
      received += data.length
      far.write(data)
      if (received < (outages + 1) * 800_000) return
      outages++
      link!.set({ uplinkBps: 0, downlinkBps: 0 })
      setTimeout(() => link!.set({ uplinkBps: 40e6, downlinkBps: 60e6, oneWayDelayMs: 3 - outages }), 60)
    })
    far.on('end', () => far.end())
    client.on('data', (data) => echoed.update(data))
    client.end(bytes)
    await once(client, 'end')
    expect(outages).toBe(3)
    const expected = createHash('sha256').update(bytes).digest('hex')
    expect(hash.digest('hex')).toBe(expected)
    expect(echoed.digest('hex')).toBe(expected)
    expect(link!.counters()).toMatchObject({ uplinkBytes: 3_000_000, downlinkBytes: 3_000_000 })
  })

  test('an outage holds back the end of a connection too', async () => {
    const [client, far] = await open(8e6)
    let ended = false
    far.on('end', () => (ended = true)).resume()
    link!.set({ uplinkBps: 0 })
    client.end()
    const [other, otherFar] = await join()
    other.write('x')
    expect(ended).toBe(false)
    link!.set({ uplinkBps: 8e6 })
    await Promise.all([ended || once(far, 'end'), once(otherFar, 'data')])
  })

  test('a reset is passed on and a full link holds the sender back', async () => {
    const [client, far] = await open(1e6)
    far.pause()
    while (client.write(Buffer.alloc(65_536)));
    far.resume()
    await once(far, 'data')
    client.resetAndDestroy()
    await closed(far)
    expect(link!.counters().connections).toBe(0)
  })

  test('cutConnections resets everything and lets new connections in', async () => {
    const [client, far] = await open(1e5, 1e5, 5)
    client.write(Buffer.alloc(100_000))
    const bothClosed = Promise.all([closed(client), closed(far)])
    link!.cutConnections()
    await bothClosed
    const [again, farAgain] = await join()
    again.write('hello')
    const [data] = (await once(farAgain, 'data')) as [Buffer]
    expect(data.toString()).toBe('hello')
  })

  test('a refused target closes the client, stop frees the port, both are safe to repeat', async () => {
    const gone = createServer().listen(0, '127.0.0.1')
    await once(gone, 'listening')
    const { port } = gone.address() as AddressInfo
    await new Promise((resolve) => gone.close(resolve))
    link = createLinkEmulator({ targetPort: port, uplink: 1e6, downlink: 1e6, oneWayDelayMs: 1 })
    const listenPort = await link.start()
    await expect(link.start()).resolves.toBe(listenPort)
    const client = connect(listenPort, '127.0.0.1')
    client.on('error', () => undefined)
    await closed(client)
    await link.stop()
    await link.stop()
    const second = createLinkEmulator({
      listenPort,
      targetPort: port,
      uplink: 0,
      downlink: 0,
      oneWayDelayMs: 0,
    })
    await expect(second.start()).resolves.toBe(listenPort)
    await second[Symbol.asyncDispose]()
  })
})
