import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface Mosquitto {
  readonly port: number
  readonly url: string
  readonly pid: number
  /** Ends the broker, with SIGTERM unless told otherwise, and waits for it. Safe to repeat. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface MosquittoOptions {
  /** Default: a free one. */
  readonly port?: number
  /** Further lines of the configuration. */
  readonly config?: readonly string[]
}

/** A real broker on loopback; resolves when it listens. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const port = options.port ?? (await freePort())
  const folder = await mkdtemp(join(tmpdir(), 'mosquitto-'))
  const { config = ['allow_anonymous true'] } = options
  const lines = [
    `listener ${port} 127.0.0.1`,
    'user root',
    'set_tcp_nodelay true',
    'persistence false',
    ...config,
  ]
  const file = join(folder, 'mosquitto.conf')
  await writeFile(file, `${lines.join('\n')}\n`)
  const broker = spawn('/usr/sbin/mosquitto', ['-v', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  const exited = once(broker, 'exit')
  const log: string[] = []
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: broker.stderr }).on('line', (line) => {
      log.push(line)
      if (line.endsWith(' running')) resolve()
    })
    broker.once('error', reject)
    broker.once('exit', () => reject(new Error(`mosquitto did not start: ${log.join(' | ')}`)))
  })
  return {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    pid: broker.pid!,
    async stop(signal = 'SIGTERM') {
      broker.kill(signal)
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
