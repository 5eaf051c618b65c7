import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../lab/free-port.ts'
import { startSurgeon } from '../../lab/surgeon-process.ts'
import type { TestBroker, TestBrokerOptions } from './test-broker.ts'
import { whenAccepted } from './when-accepted.ts'

/** `surgeon broker`, in a process of its own so that it can be killed as any other. */
export async function startEmbedded(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'surgeon-broker-'))
  const port = options.port ?? (await freePort())
  const file = join(folder, 'broker.yaml')
  await writeFile(file, JSON.stringify({ ...options, port }))
  const broker = startSurgeon('broker', file)
  const stop = async (signal?: NodeJS.Signals): Promise<void> => {
    await broker.stop(signal)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await whenAccepted(port, broker.ended)
  } catch (error) {
    await stop()
    throw error
  }
  return { port, url: `mqtt://127.0.0.1:${port}`, pid: broker.pid, stop }
}
