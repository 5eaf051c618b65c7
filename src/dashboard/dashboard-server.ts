import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { isLoopback } from '../machine/loopback.ts'
import { dashboardPage } from './dashboard-page.ts'

/** What is shown; everything is asked for when somebody looks. */
export interface DashboardSource {
  /** For the page: JSON. */
  readonly live: () => unknown
  /** Prometheus' text. */
  readonly metrics: () => { readonly contentType: string; readonly text: string }
  /** The layer graph as SVG, drawn once. */
  readonly graph: () => Promise<string>
}

export interface DashboardSettings {
  readonly port: number
  readonly address: string
  /** Asked of every request where given; the user's name may be anything. */
  readonly password?: string | undefined
}

const headers = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

/** A page, its data and the metrics over HTTP. It changes nothing: only GET is answered. */
export class DashboardServer {
  private readonly settings: DashboardSettings
  private readonly source: DashboardSource
  private server: Server | undefined
  private graph: Promise<string> | undefined

  constructor(settings: DashboardSettings, source: DashboardSource) {
    this.settings = settings
    this.source = source
  }

  /** Resolves with the URL. @throws where the port is taken. */
  async start(): Promise<string> {
    const { port, address } = this.settings
    const server = createServer((request, response) => void this.answer(request, response))
    // A browser that is left open must not keep the agent from stopping.
    server.keepAliveTimeout = 5000
    server.maxConnections = 32
    this.server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, address, resolve)
    })
    const bound = server.address() as { port: number }
    return `http://${isIP(address) === 6 ? `[${address}]` : address}:${bound.port}/`
  }

  async stop(): Promise<void> {
    const { server } = this
    this.server = undefined
    if (server?.listening !== true) return
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (status: number, contentType: string, body: string, more: Record<string, string> = {}) => {
      response.writeHead(status, { ...headers, 'content-type': contentType, ...more })
      response.end(request.method === 'HEAD' ? undefined : body)
    }
    const text = 'text/plain; charset=utf-8'
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return send(405, text, 'Only GET is answered.\n', { allow: 'GET, HEAD' })
    if (!this.isMeant(request)) return send(403, text, 'This name is not that of this machine.\n')
    if (!this.isAllowed(request))
      return send(401, text, 'A password is needed.\n', { 'www-authenticate': 'Basic realm="surgeon"' })
    try {
      const [path = ''] = (request.url ?? '').split('?')
      switch (path) {
        case '/':
          return send(200, 'text/html; charset=utf-8', dashboardPage)
        case '/api/live':
          return send(200, 'application/json', JSON.stringify(this.source.live()))
        case '/metrics': {
          const { contentType, text } = this.source.metrics()
          return send(200, contentType, text)
        }
        case '/graph.svg':
          this.graph ??= this.source.graph()
          return send(200, 'image/svg+xml', await this.graph)
        case '/favicon.ico':
          return send(204, text, '')
        default:
          return send(404, text, 'There is nothing here.\n')
      }
    } catch (error) {
      send(500, text, `${(error as Error).message}\n`)
    }
  }

  /**
   * Without a password the name in the request must be that of loopback: a page of the internet whose name has been made
   * to mean 127.0.0.1 could read everything else (DNS rebinding).
   */
  private isMeant({ headers }: IncomingMessage): boolean {
    if (this.settings.password !== undefined) return true
    const name = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
    return isLoopback(name)
  }

  private isAllowed({ headers }: IncomingMessage): boolean {
    const { password } = this.settings
    if (password === undefined) return true
    const [, encoded = ''] = /^Basic (.+)$/.exec(headers.authorization ?? '') ?? []
    const given = Buffer.from(encoded, 'base64')
      .toString()
      .replace(/^[^:]*:/, '')
    const digest = (value: string) => createHash('sha256').update(value).digest()
    return timingSafeEqual(digest(given), digest(password))
  }
}
