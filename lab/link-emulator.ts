// A TCP proxy on loopback whose two directions cross an emulated link. `link-shaper.ts` decides when bytes cross; this
// shell reads sockets only as the link's buffer has room, so that the sender feels the link through TCP. What the
// kernel and Node hold beside that buffer (a read of up to 64 KiB, the sender's own socket buffer) cannot be bounded
// from here: a sender learns the link's rate from acknowledgements, not from its writes.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Capacity } from './link-capacity.ts'
import { type Arrival, createLinkShaper, type LinkShaper } from './link-shaper.ts'

export interface LinkEmulatorOptions {
  /** 0 (default) takes a free port. */
  readonly listenPort?: number
  readonly targetPort: number
  readonly targetHost?: string
  /** Client to server. */
  readonly uplink: Capacity
  /** Server to client. */
  readonly downlink: Capacity
  readonly oneWayDelayMs: number
  /** Room for bytes that wait to cross, per direction. Default 64 KiB. */
  readonly bufferBytes?: number
  /** Monotonic milliseconds. */
  readonly clock?: () => number
}

export interface LinkSettings {
  readonly uplink?: Capacity
  readonly downlink?: Capacity
  /** Same as `uplink` with a rate; 0 is an outage. */
  readonly uplinkBps?: number
  readonly downlinkBps?: number
  readonly oneWayDelayMs?: number
}

export interface LinkCounters {
  /** Bytes that have crossed since the start. */
  readonly uplinkBytes: number
  readonly downlinkBytes: number
  readonly connections: number
}

export interface LinkEmulator extends AsyncDisposable {
  /** Listens on 127.0.0.1 and gives the port. Safe to repeat. */
  start(): Promise<number>
  /** Closes every connection and frees the port. Safe to repeat. */
  stop(): Promise<void>
  /** Changes the link at once, also before `start`. @throws {RangeError} where a value is out of range */
  set(settings: LinkSettings): void
  /** Breaks every connection at once, as a router that reboots does; new ones are accepted. */
  cutConnections(): void
  counters(): LinkCounters
}

/** One half of a proxied connection. */
interface Flow {
  readonly source: Socket
  readonly destination: Socket
  state: 'open' | 'ended' | 'cut'
  /** What it may still send before the next flow's turn. */
  turnBytes: number
}

interface Direction {
  readonly shaper: LinkShaper<Flow>
  /** In the order in which they are read next. */
  readonly flows: Set<Flow>
  timer: NodeJS.Timeout | undefined
  offeredBytes: number
  crossedBytes: number
  /** Turns of the event loop since the shaper's grace began; 0 outside of it. */
  graceTurns: number
}

const defaultBufferBytes = 64 * 1024
/** Flows send this much in turn: however little room each look finds, they share the link evenly. */
const turnBytes = 4096
/** A process that gets no processor for this long must not slow the link down. */
const lateMs = 200
/** Enough to fetch what crosses a fast link in that time, 64 KiB a turn. */
const longestGraceTurns = 32
/** What a receiver may leave unread before it holds the link up, as its own kernel would keep for it. */
const receiveWindowBytes = 1024 * 1024
const longestTimerMs = 1000

/** @throws {RangeError} where a capacity, the delay or the buffer is out of range */
export function createLinkEmulator(options: LinkEmulatorOptions): LinkEmulator {
  const clock = options.clock ?? (() => performance.now())
  const { listenPort = 0, targetHost = '127.0.0.1', bufferBytes = defaultBufferBytes } = options
  const up = createDirection(options.uplink)
  const down = createDirection(options.downlink)
  let server: Server | undefined
  let starting: Promise<number> | undefined

  function createDirection(capacity: Capacity): Direction {
    const { oneWayDelayMs } = options
    const shaper = createLinkShaper<Flow>({ capacity, oneWayDelayMs, bufferBytes, lateMs, nowMs: clock() })
    return { shaper, flows: new Set(), timer: undefined, offeredBytes: 0, crossedBytes: 0, graceTurns: 0 }
  }

  /** Moves everything the link lets move now, and sets the timer for what comes next. */
  function pump(direction: Direction): void {
    clearTimeout(direction.timer)
    direction.timer = undefined
    const written = new Set<Socket>()
    // One moment for the whole look: with a running clock each round would find a few bytes more to move, for ever.
    const nowMs = clock()
    do {
      for (const arrival of direction.shaper.collect(nowMs)) {
        const { destination } = arrival.flow
        if (!written.has(destination)) destination.cork()
        written.add(destination)
        deliver(direction, arrival)
      }
    } while (refill(direction, nowMs))
    for (const destination of written) destination.uncork()
    if (direction.shaper.inGrace() && direction.graceTurns === 0) endGraceSoon(direction)
    const wakeMs = direction.shaper.wakeAtMs()
    if (wakeMs === Number.POSITIVE_INFINITY) return
    const waitMs = Math.min(longestTimerMs, Math.max(1, wakeMs - clock()))
    direction.timer = setTimeout(pump, waitMs, direction)
  }

  /** When a whole turn of the event loop brings nothing more, nothing was waiting in the kernel. */
  function endGraceSoon(direction: Direction): void {
    direction.graceTurns++
    const before = direction.offeredBytes
    setImmediate(() =>
      setImmediate(() => {
        if (direction.offeredBytes > before && direction.graceTurns < longestGraceTurns) {
          endGraceSoon(direction)
          return
        }
        direction.graceTurns = 0
        direction.shaper.endGrace(clock())
        pump(direction)
      }),
    )
  }

  /** Reads the sockets in turns, a little of each, while the link has room. */
  function refill(direction: Direction, nowMs: number): boolean {
    const { shaper, flows } = direction
    let read = false
    for (let progress = true; progress; ) {
      progress = false
      for (const flow of flows) {
        const room = Math.min(flow.turnBytes, shaper.freeBytes())
        if (room === 0) return read
        const { source, destination } = flow
        if (source.readableLength === 0) {
          // Lets the stream notice its end and ask the kernel for more.
          source.read()
          continue
        }
        if (destination.writableLength > receiveWindowBytes) continue
        const bytes: Buffer | null = source.read(Math.min(room, source.readableLength))
        if (bytes === null) continue
        shaper.offer(flow, bytes, nowMs)
        direction.offeredBytes += bytes.length
        flow.turnBytes -= bytes.length
        if (flow.turnBytes === 0) {
          flow.turnBytes = turnBytes
          flows.delete(flow)
          flows.add(flow)
        }
        progress = true
        read = true
        break
      }
    }
    return read
  }

  function deliver(direction: Direction, { flow, load }: Arrival<Flow>): void {
    direction.crossedBytes += load?.length ?? 0
    const { source, destination } = flow
    if (load !== undefined) {
      if (destination.writable) destination.write(load)
      return
    }
    direction.flows.delete(flow)
    if (source.readableEnded && source.errored === null) destination.end()
    else destination.resetAndDestroy()
  }

  function addFlow(direction: Direction, flow: Flow): void {
    const { source, destination } = flow
    const end = (): void => {
      if (flow.state === 'cut') return
      flow.state = 'ended'
      direction.shaper.offerEnd(flow, clock())
      pump(direction)
    }
    direction.flows.add(flow)
    source.on('readable', () => pump(direction))
    source.on('end', end)
    // A reset travels like everything else: in an outage the far end does not hear of it.
    source.on('close', (hadError) => {
      if (hadError || flow.state === 'open') end()
    })
    destination.on('drain', () => pump(direction))
    // 'close' follows and says all there is to say.
    source.on('error', () => undefined)
  }

  function accept(client: Socket): void {
    const target = connect({ host: targetHost, port: options.targetPort, noDelay: true, allowHalfOpen: true })
    addFlow(up, { source: client, destination: target, state: 'open', turnBytes })
    addFlow(down, { source: target, destination: client, state: 'open', turnBytes })
  }

  function cutConnections(): void {
    for (const { shaper, flows } of [up, down]) {
      for (const flow of flows) {
        flow.state = 'cut'
        for (const socket of [flow.source, flow.destination]) if (!socket.destroyed) socket.resetAndDestroy()
        shaper.discard(flow)
      }
      flows.clear()
    }
  }

  async function listen(): Promise<number> {
    const created = createServer({ noDelay: true, allowHalfOpen: true, highWaterMark: turnBytes }, accept)
    server = created
    await new Promise<void>((resolve, reject) => {
      created.once('error', reject)
      created.listen(listenPort, '127.0.0.1', resolve)
    })
    return (created.address() as AddressInfo).port
  }

  async function stop(): Promise<void> {
    const closing = server
    server = undefined
    starting = undefined
    cutConnections()
    for (const direction of [up, down]) clearTimeout(direction.timer)
    await new Promise<void>((resolve) => (closing ? closing.close(() => resolve()) : resolve()))
  }

  return {
    start() {
      starting ??= listen().catch((error: unknown) => {
        starting = undefined
        throw error
      })
      return starting
    },
    stop,
    set(settings) {
      const nowMs = clock()
      const uplink = settings.uplink ?? settings.uplinkBps
      const downlink = settings.downlink ?? settings.downlinkBps
      for (const [direction, capacity] of [
        [up, uplink],
        [down, downlink],
      ] as const) {
        if (capacity !== undefined) direction.shaper.setCapacity(capacity, nowMs)
        if (settings.oneWayDelayMs !== undefined)
          direction.shaper.setOneWayDelay(settings.oneWayDelayMs, nowMs)
        pump(direction)
      }
    },
    cutConnections,
    counters: () => ({
      uplinkBytes: up.crossedBytes,
      downlinkBytes: down.crossedBytes,
      connections: up.flows.size,
    }),
    [Symbol.asyncDispose]: stop,
  }
}
