import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../lab/free-port.ts'

function findBinary(name: string): string | undefined {
  const folders = ['/usr/sbin', '/usr/local/sbin', ...(process.env['PATH'] ?? '').split(delimiter)]
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

export const mosquittoBinary = findBinary('mosquitto')

/** Why tests that need a real Mosquitto cannot run here; undefined where they can. For `describe.skipIf`. */
export const mosquittoMissing: string | undefined =
  mosquittoBinary === undefined
    ? 'mosquitto is not installed: sudo apt-get install --no-install-recommends mosquitto'
    : undefined

if (mosquittoMissing !== undefined) process.stderr.write(`tests skipped: ${mosquittoMissing}\n`)

export interface Mosquitto {
  readonly port: number
  readonly url: string
  readonly pid: number
  /** Ends this broker only, with SIGTERM unless told otherwise, and removes its folder. Safe to repeat. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface MosquittoOptions {
  /** Default: a free one. */
  readonly port?: number
  /** Lines added to the configuration. Anonymous clients are allowed unless a line speaks of them. */
  readonly config?: readonly string[]
}

const startTimeoutMs = 10_000

/**
 * A real Mosquitto of one's own on a loopback port.
 * @throws {Error} where it is missing or does not start, with what it wrote
 */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  if (mosquittoBinary === undefined) throw new Error(`Cannot start mosquitto: ${mosquittoMissing}`)
  const folder = await mkdtemp(join(tmpdir(), 'surgeon-mosquitto-'))
  const port = options.port ?? (await freePort())
  const { config = [] } = options
  const file = join(folder, 'mosquitto.conf')
  const lines = [
    // Started by root it would otherwise become a user who cannot read this folder.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    `listener ${port} 127.0.0.1`,
    ...(config.some((line) => line.startsWith('allow_anonymous')) ? [] : ['allow_anonymous true']),
    'persistence false',
    'set_tcp_nodelay true',
    ...config,
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  const child = spawn(mosquittoBinary, ['-c', file], { stdio: ['ignore', 'pipe', 'pipe'] })
  const output = collectOutput(child)
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      child.kill(signal)
      await exited
    }
    await rm(folder, { recursive: true, force: true })
  }
  const deadlineMs = performance.now() + startTimeoutMs
  while (!(await accepts(port))) {
    if (child.exitCode !== null || child.pid === undefined || performance.now() > deadlineMs) {
      await stop()
      throw new Error(`Cannot start mosquitto: ${output() || 'it said nothing'}`)
    }
    await delay(10)
  }
  return { port, url: `mqtt://127.0.0.1:${port}`, pid: child.pid!, stop }
}

function collectOutput(child: ChildProcess): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (data: Buffer) => (text += data.toString()))
  return () => text
}

/** Whether somebody listens on the loopback port. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
