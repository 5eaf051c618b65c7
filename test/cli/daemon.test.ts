import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { getDefaultAutoSelectFamilyAttemptTimeout } from 'node:net'
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

const silent = () => undefined

describe('runDaemon', () => {
  // Node's own 250 ms are less than a round trip over LTE: with a dead address among a name's nothing would connect.
  test('gives each address of a name as long as a slow link needs, and the others their turn within a connect timeout', async () => {
    const exitCode = runDaemon(
      { start: () => Promise.resolve(), stop: () => Promise.resolve() },
      { log: silent, environment: {} },
    )
    process.emit('SIGTERM', 'SIGTERM')
    expect(await exitCode).toBe(0)
    expect(getDefaultAutoSelectFamilyAttemptTimeout()).toBeGreaterThan(2000)
    expect(getDefaultAutoSelectFamilyAttemptTimeout()).toBeLessThan(10_000 / 4)
  })

  test('a signal gives a running start up, and what it had acquired is stopped', async () => {
    const calls: string[] = []
    const begun = deferred<void>()
    const exitCode = runDaemon(
      {
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
      },
      { log: silent },
    )
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
    await expect(runDaemon(failing, { log: silent })).rejects.toThrow('no model')
    expect(stopped).toBe(true)
  })
})

describe('who started it', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'surgeon-notify-'))
    // In the place of systemd-notify: writes down what it is told.
    const script = `#!/bin/sh\nprintf '%s\\n' "$*" >> '${folder}/told'\n`
    await writeFile(join(folder, 'systemd-notify'), script, { mode: 0o755 })
  })
  afterAll(() => rm(folder, { recursive: true }))
  const told = () => readFile(join(folder, 'told'), 'utf8').catch(() => '')

  test('is told when it serves, that it progresses for as long as it does, of a reload and of the end', async () => {
    let progresses = true
    const logged: string[] = []
    const path = process.env['PATH']
    process.env['PATH'] = `${folder}:${path}`
    try {
      const exitCode = runDaemon(
        {
          start: () => Promise.resolve(),
          stop: () => Promise.resolve(),
          isProgressing: () => progresses,
        },
        {
          log: (_level, message) => logged.push(message),
          reload: () => Promise.reject(new Error('no such key')),
          environment: { NOTIFY_SOCKET: join(folder, 'socket'), WATCHDOG_USEC: '150000' },
        },
      )
      await expect.poll(told).toMatch(/^--ready --status=serving\n(WATCHDOG=1\n)+$/)
      process.emit('SIGHUP', 'SIGHUP')
      await expect.poll(told).toMatch(/RELOADING=1\n[^]*--ready/)
      expect(logged).toEqual(['nothing was reloaded'])
      progresses = false
      await expect.poll(() => logged.at(-1)).toMatch(/requests do not progress/)
      process.emit('SIGTERM', 'SIGTERM')
      expect(await exitCode).toBe(0)
      await expect.poll(told).toMatch(/STOPPING=1 --status=stopping\n$/)
    } finally {
      process.env['PATH'] = path
    }
  })
})

/** As systemd has it: a process that has not ended by then is killed. */
const stopLimitMs = 15_000
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
      const timer = setTimeout(() => child.kill('SIGKILL'), stopLimitMs)
      const [code, killedBy] = await exit
      clearTimeout(timer)
      // Before anything is acquired the signal has its default action.
      expect([0, 'SIGTERM'], `after ${delayMs} ms: ${said}`).toContain(code ?? killedBy)
    }
  })

  test('SIGHUP swaps what it can, says what waits for a restart, and changes nothing where the file is wrong', async () => {
    const own = await mkdtemp(join(folder, 'reload-'))
    const file = join(own, 'agent.yaml')
    const config = { device: 'pi-2', mqtt, model: 'mobilenetv2', policy: 'local', dashboard: false }
    const write = (changes: object) => writeFile(file, JSON.stringify({ ...config, ...changes }))
    await write({})
    const child = spawn(process.execPath, [program, 'agent', '--config', file], {
      cwd: own,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr.on('data', (data: Buffer) => (said += data.toString()))
    const says = async (text: RegExp) => {
      await expect.poll(() => said).toMatch(text)
    }
    try {
      await says(/info ready/)
      await write({ dashboard: { port: 0 }, log: 'debug', threads: 2 })
      child.kill('SIGHUP')
      await says(/the dashboard is served[^]*info reloaded \{"changed":\["dashboard","log"\]\}/)
      await says(/warn these keys wait for a restart \{"keys":\["threads"\]\}/)
      await write({ threads: 0 })
      child.kill('SIGHUP')
      await says(/error nothing was reloaded .*threads/)
      expect(child.exitCode).toBe(null)
    } finally {
      const exit = once(child, 'exit')
      child.kill('SIGTERM')
      expect((await exit)[0]).toBe(0)
    }
  })
})
