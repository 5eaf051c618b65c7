import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runDaemon } from '../../cli/daemon.ts'
import { freePort } from '../../lab/free-port.ts'
import { deferred } from '../../src/async/deferred.ts'
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/embedded-broker/embedded-broker.ts'
import { repositoryRoot } from '../paths.ts'

describe('runDaemon', () => {
  test('a signal gives a running start up, and what it had acquired is stopped', async () => {
    const calls: string[] = []
    const begun = deferred<void>()
    const exitCode = runDaemon({
      start: (signal) => {
        begun.resolve()
        return new Promise((_resolve, reject) =>
          signal?.addEventListener('abort', () => {
            calls.push('given up')
            reject(signal?.reason as Error)
          }),
        )
      },
      stop: async () => void calls.push('stopped'),
    })
    await begun.promise
    process.emit('SIGTERM', 'SIGTERM')
    expect(await exitCode).toBe(0)
    expect(calls).toEqual(['given up', 'stopped'])
  })

  test('what keeps it from starting is thrown after stop', async () => {
    let stopped = false
    const failing = {
      start: () => Promise.reject(new Error('no model')),
      stop: async () => void (stopped = true),
    }
    await expect(runDaemon(failing)).rejects.toThrow('no model')
    expect(stopped).toBe(true)
  })
})

/** As systemd has it: a process that has not ended by then is killed. */
const patienceMs = 15_000
const program = fileURLToPath(new URL('dist/cli/surgeon.js', repositoryRoot))

describe('surgeon', () => {
  let folder: string
  let broker: EmbeddedBroker
  let mqtt: { url: string }
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'surgeon-daemon-'))
    broker = createEmbeddedBroker()
    mqtt = { url: `mqtt://127.0.0.1:${(await broker.start()).port}` }
  })
  afterAll(async () => {
    await broker.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** A state directory of its own makes it a first start: everything is measured. */
  async function begin(command: string, config: object): Promise<ChildProcess> {
    const own = await mkdtemp(join(folder, `${command}-`))
    const file = join(own, 'config.yaml')
    await writeFile(file, JSON.stringify(config))
    return spawn(process.execPath, [program, command, '--config', file], {
      cwd: own,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  }

  const commands: [string, () => Promise<object>][] = [
    ['agent', async () => ({ device: 'pi-1', mqtt, model: 'mobilenetv2', engine: 'auto' })],
    ['worker', async () => ({ worker: 'w1', mqtt, models: ['mobilenetv2'] })],
    ['broker', async () => ({ port: await freePort() })],
  ]
  test.for(commands)('%s: SIGTERM at any moment of a first start ends it', async ([command, config]) => {
    // Whatever it does at that moment: nothing is asserted of which one a delay meets.
    for (const delayMs of [0, 300, 700, 1200, 2200]) {
      const child = await begin(command, await config())
      const exit = once(child, 'exit')
      let said = ''
      child.stderr!.on('data', (data: Buffer) => (said += data.toString()))
      await delay(delayMs)
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs)
      const [code, killedBy] = await exit
      clearTimeout(timer)
      // Before anything is acquired the signal has its default action.
      expect([0, 'SIGTERM'], `after ${delayMs} ms: ${said}`).toContain(code ?? killedBy)
    }
  })
})
