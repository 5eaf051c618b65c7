import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../../lab/free-port.ts'
import type { TestBroker, TestBrokerOptions } from './test-broker.ts'
import { whenAccepted } from './when-accepted.ts'

/** The program; vitest.config.mjs looks for it. */
export const mosquittoBinary = process.env['SURGEON_MOSQUITTO'] || undefined

/** Why tests that need a real Mosquitto cannot run here; undefined where they can. */
export const mosquittoMissing: string | undefined =
  mosquittoBinary === undefined
    ? 'Mosquitto is not installed (Debian: apt-get install --no-install-recommends mosquitto)'
    : undefined

export interface MosquittoOptions extends TestBrokerOptions {
  /** Lines added to the configuration. */
  readonly config?: readonly string[]
}

/** A real Mosquitto. @throws {Error} where it is missing or does not start, with what it wrote. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<TestBroker> {
  if (mosquittoBinary === undefined) throw new Error(`Cannot start mosquitto: ${mosquittoMissing}`)
  const { config = [], credentials, maximumPacketBytes } = options
  const folder = await mkdtemp(join(tmpdir(), 'surgeon-mosquitto-'))
  const port = options.port ?? (await freePort())
  const passwords = join(folder, 'passwords')
  if (credentials !== undefined) {
    const { username, password } = credentials
    await promisify(execFile)('mosquitto_passwd', ['-b', '-c', passwords, username, password])
  }
  const lines = [
    // Started by root it would otherwise become a user who cannot read this folder.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    `listener ${port} 127.0.0.1`,
    ...(credentials === undefined
      ? ['allow_anonymous true']
      : ['allow_anonymous false', `password_file ${passwords}`]),
    ...(maximumPacketBytes === undefined ? [] : [`max_packet_size ${maximumPacketBytes}`]),
    'persistence false',
    'set_tcp_nodelay true',
    ...config,
  ]
  const file = join(folder, 'mosquitto.conf')
  await writeFile(file, `${lines.join('\n')}\n`)
  const child = spawn(mosquittoBinary, ['-c', file], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const closed = once(child, 'close')
  const ended = closed.then(() => {
    throw new Error(`Cannot start mosquitto: ${said || 'it said nothing'}`)
  })
  ended.catch(() => undefined)
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    child.kill(signal)
    await closed
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await whenAccepted(port, ended)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  return { port, url: `mqtt://127.0.0.1:${port}`, pid: child.pid!, stop }
}
