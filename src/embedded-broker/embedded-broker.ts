import { createHash, timingSafeEqual } from 'node:crypto'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { Aedes, type AuthenticateError, type Client } from 'aedes'
import { isLoopback } from '../machine/loopback.ts'
import { type GuardOptions, guardBroker, guardHandlers } from './guard.ts'

export interface EmbeddedBrokerOptions {
  /** 0 (default) takes a free port. */
  readonly port?: number
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Must be true to listen on anything but loopback: this broker knows neither TLS nor access rules. */
  readonly allowRemoteClients?: boolean
  /** Asked of every client when given. */
  readonly credentials?: { readonly username: string; readonly password: string }
  /** Largest packet accepted, told to MQTT 5 clients. Default: an input of 8 MiB and 64 KiB beside it. */
  readonly maximumPacketBytes?: number
  /** Bytes one client may leave unread before messages to it are dropped or it is disconnected. Default 16 MiB. */
  readonly maximumUnreadBytes?: number
  /** Default 1000. */
  readonly maximumConnections?: number
  readonly log?: (message: string) => void
  /** Monotonic milliseconds. */
  readonly clock?: () => number
}

/**
 * An MQTT 5 and 3.1.1 broker inside this process, for the demo and for a single machine.
 * QoS 0 and 1, retained messages, wills, sessions of up to an hour; QoS 2 and shared subscriptions are refused.
 */
export interface EmbeddedBroker extends AsyncDisposable {
  /** Listens. Safe to repeat. */
  start(): Promise<{ readonly port: number }>
  /** Disconnects every client and frees the port; retained messages are forgotten. Safe to repeat. */
  stop(): Promise<void>
}

const defaultMaximumPacketBytes = 8_454_144
const defaultMaximumUnreadBytes = 16 * 1024 * 1024
const sessionExpirySeconds = 3600
const pendingSessionsLimit = 1000
const connectTimeoutMs = 10_000
const slowConsumerGraceMs = 3000
/** MQTT 3.1.1 §3.2.2.3; aedes translates them for MQTT 5. */
const badCredentials = 4
const notAuthorized = 5

interface Running {
  readonly broker: Aedes
  readonly server: Server
  readonly sockets: Set<Socket>
}

/** @throws {RangeError} where `host` is not loopback and `allowRemoteClients` is not set */
export function createEmbeddedBroker(options: EmbeddedBrokerOptions = {}): EmbeddedBroker {
  const { host = '127.0.0.1', log = () => undefined } = options
  if (!isLoopback(host) && options.allowRemoteClients !== true)
    throw new RangeError(
      `Cannot create the embedded broker: host must be a loopback address (127.0.0.1, ::1 or localhost) unless allowRemoteClients is true, current value is '${host}'`,
    )
  let running: Running | undefined
  let starting: Promise<{ port: number }> | undefined

  async function listen(): Promise<{ port: number }> {
    const guard: GuardOptions = {
      maximumUnreadBytes: options.maximumUnreadBytes ?? defaultMaximumUnreadBytes,
      slowConsumerGraceMs,
      clock: options.clock ?? (() => performance.now()),
      log,
    }
    const refusedWills = new WeakSet<Client>()
    const broker = await Aedes.createBroker({
      ...guardHandlers(guard),
      // Unlimited: with a limit, deliveries to one stalled subscriber hold up every topic.
      concurrency: 0,
      // Would also disconnect a subscriber that reads steadily over a slow link; the guard counts bytes instead.
      drainTimeout: 0,
      connectTimeout: connectTimeoutMs,
      maximumPacketSize: options.maximumPacketBytes ?? defaultMaximumPacketBytes,
      sessionExpiryIntervalLimit: sessionExpirySeconds,
      pendingSessionsLimit,
      // Answers a refused will in `authenticate`: aedes closes without a CONNACK what `preConnect` refuses.
      preConnect: (client, { will }, done) => {
        if ((will?.qos ?? 0) > 1) refusedWills.add(client)
        done(null, true)
      },
      authenticate: (client, username, password, done) => {
        const refusal = refusedWills.has(client)
          ? connectRefusal(
              'Cannot connect: qos of the will must be 0 or 1, current value is 2',
              notAuthorized,
            )
          : refusalOfCredentials(options.credentials, username, password)
        done(refusal, refusal === null)
      },
    })
    guardBroker(broker, guard)
    const sockets = new Set<Socket>()
    const server = createServer({ noDelay: true }, (socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      broker.handle(socket)
    })
    server.maxConnections = options.maximumConnections ?? 1000
    running = { broker, server, sockets }
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(options.port ?? 0, host, resolve)
    })
    return { port: (server.address() as AddressInfo).port }
  }

  async function stop(): Promise<void> {
    await starting?.catch(() => undefined)
    const closing = running
    running = undefined
    starting = undefined
    if (closing === undefined) return
    const closed = new Promise<void>((resolve) => closing.server.close(() => resolve()))
    // aedes tells its clients why, but would wait for one that has stopped reading.
    closing.broker.close()
    await new Promise(setImmediate)
    for (const socket of closing.sockets) socket.destroySoon()
    const force = setTimeout(() => {
      for (const socket of closing.sockets) socket.destroy()
    }, 200)
    await closed
    clearTimeout(force)
  }

  return {
    start() {
      starting ??= listen().catch(async (error: unknown) => {
        starting = undefined
        running?.broker.close()
        running = undefined
        throw error
      })
      return starting
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function refusalOfCredentials(
  expected: EmbeddedBrokerOptions['credentials'],
  username: string | undefined,
  password: Buffer | undefined,
): AuthenticateError | null {
  if (expected === undefined) return null
  const nameFits = sameSecret(Buffer.from(expected.username), Buffer.from(username ?? ''))
  const passwordFits = sameSecret(Buffer.from(expected.password), password ?? Buffer.alloc(0))
  if (nameFits && passwordFits) return null
  return connectRefusal('bad user name or password', badCredentials)
}

/** aedes declares its codes as an enum without values at run time: they can only be written as numbers. */
function connectRefusal(message: string, returnCode: number): AuthenticateError {
  const error: unknown = Object.assign(new Error(message), { returnCode })
  return error as AuthenticateError
}

/** Takes as long for a wrong secret as for the right one. */
function sameSecret(expected: Buffer, given: Buffer): boolean {
  const digest = (secret: Buffer): Buffer => createHash('sha256').update(secret).digest()
  return timingSafeEqual(digest(expected), digest(given))
}
