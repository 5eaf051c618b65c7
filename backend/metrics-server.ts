import { createServer, type Server } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'
import type { Metric } from '../src/telemetry/metric.ts'
import { prometheusContentType, prometheusText } from '../src/telemetry/prometheus-text.ts'

/** What a worker's metrics are read from. */
export interface WorkerFigures {
  readonly isOnline: boolean
  /** The longest of its models': what a request that comes now waits before it is begun. */
  readonly queueMs: number
  readonly waitingBytes: number
  readonly models: number
}

const workerMetrics: readonly Metric<WorkerFigures>[] = [
  {
    key: 'worker_online',
    unit: 'yes or no',
    kind: 'gauge',
    help: 'Whether the broker is reached and requests are taken',
    read: ({ isOnline }) => (isOnline ? 1 : 0),
  },
  {
    key: 'worker_queue_ms',
    unit: 'ms',
    kind: 'gauge',
    help: 'What a request that comes now waits before it is begun',
    read: ({ queueMs }) => queueMs,
  },
  {
    key: 'worker_waiting_bytes',
    unit: 'bytes',
    kind: 'gauge',
    help: 'Bytes of the requests that are here',
    read: ({ waitingBytes }) => waitingBytes,
  },
  {
    key: 'worker_models',
    unit: 'count',
    kind: 'gauge',
    help: 'Models that are served',
    read: ({ models }) => models,
  },
]

export interface MetricsSettings {
  readonly port: number
  readonly address: string
}

/**
 * A worker's numbers for Prometheus at `/metrics`, and at `/ready` whether it takes requests, for whoever starts and
 * stops workers. Nothing else is told or done.
 */
export class MetricsServer {
  private readonly settings: MetricsSettings
  private readonly worker: string
  private readonly figures: () => WorkerFigures
  private server: Server | undefined

  constructor(settings: MetricsSettings, worker: string, figures: () => WorkerFigures) {
    this.settings = settings
    this.worker = worker
    this.figures = figures
  }

  /** Resolves with the URL. @throws where the port is taken. */
  async start(): Promise<string> {
    const { port, address } = this.settings
    const server = createServer(({ method, url }, response) => {
      const { status, type, body } = this.answer(method, url)
      response.writeHead(status, { 'content-type': type }).end(method === 'HEAD' ? undefined : body)
    })
    server.maxConnections = 32
    this.server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, address, resolve)
    })
    const bound = server.address() as AddressInfo
    return `http://${isIP(address) === 6 ? `[${address}]` : address}:${bound.port}`
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

  private answer(method = 'GET', url = '/'): { status: number; type: string; body: string } {
    const type = 'text/plain; charset=utf-8'
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, type, body: 'Only GET is answered.\n' }
    const figures = this.figures()
    if (url === '/ready')
      return figures.isOnline
        ? { status: 200, type, body: 'ready\n' }
        : { status: 503, type, body: 'not connected to the broker\n' }
    if (url !== '/metrics') return { status: 404, type, body: 'There is nothing here.\n' }
    const body = prometheusText(workerMetrics, [{ labels: { worker: this.worker }, figures }])
    return { status: 200, type: prometheusContentType, body }
  }
}
