import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connect, connectAsync, type MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { freePort } from '../../lab/free-port.ts'
import { mosquittoBinary, mosquittoMissing, startMosquitto } from '../brokers/mosquitto.ts'
import { whenAccepted } from '../brokers/when-accepted.ts'
import { repositoryRoot } from '../paths.ts'

const run = promisify(execFile)
const shipped = (name: string): string =>
  readFileSync(new URL(`broker-config/${name}`, repositoryRoot), 'utf8')

describe('startMosquitto', () => {
  beforeEach(({ skip }) => skip(mosquittoMissing !== undefined, mosquittoMissing))

  test('serves messages, stops its own broker only, and frees port and folder', async () => {
    const [one, two] = await Promise.all([startMosquitto(), startMosquitto({ maximumPacketBytes: 1000 })])
    expect(one.port).not.toBe(two.port)
    await one.stop()
    await one.stop()
    expect(() => process.kill(one.pid, 0)).toThrow('ESRCH')
    const client = await connectAsync(two.url, { protocolVersion: 5 })
    await client.subscribeAsync('a', { qos: 1 })
    const message = new Promise((resolve) =>
      client.once('message', (_topic, payload) => resolve(String(payload))),
    )
    await client.publishAsync('a', 'hello', { qos: 1 })
    expect(await message).toBe('hello')
    await client.endAsync()
    await two.stop()
  })

  test('says what mosquitto said when it does not start', async () => {
    await expect(startMosquitto({ config: ['nonsense 1'] })).rejects.toThrow(
      /Cannot start mosquitto: .*nonsense/s,
    )
  })
})

const plugin = ['x86_64-linux-gnu', 'aarch64-linux-gnu', 'arm-linux-gnueabihf']
  .map((triple) => `/usr/lib/${triple}/mosquitto_dynamic_security.so`)
  .find((path) => existsSync(path))
const tools = ['mosquitto_ctrl', 'openssl'].filter((tool) =>
  (process.env['PATH'] ?? '').split(':').every((folder) => !existsSync(join(folder, tool))),
)
const missing =
  mosquittoMissing ??
  (plugin === undefined ? 'the dynamic security plugin is not installed' : undefined) ??
  (tools.length > 0 ? `${tools.join(' and ')} not installed` : undefined)

/** Topics in use, and those of somebody else. */
const topics = [
  ...['pi-1', 'pi-2'].flatMap((device) =>
    ['input', 'input/kitchen', 'result', 'result/kitchen', 'state', 'metrics', 'plan', 'reply', 'probe'].map(
      (leaf) => `surgeon/device/${device}/${leaf}`,
    ),
  ),
  ...['worker-1', 'worker-2'].flatMap((worker) =>
    ['request', 'state'].map((leaf) => `surgeon/worker/${worker}/${leaf}`),
  ),
  'surgeon/requester/home/answers',
  'surgeon/requester/other/answers',
  'home/answers',
]
const filters = [
  ...topics,
  '#',
  'surgeon/#',
  'surgeon/device/#',
  'surgeon/requester/#',
  'surgeon/requester/home/#',
  '$CONTROL/#',
  ...['input', 'result', 'result/#', 'state', 'metrics', 'plan', 'reply', 'probe'].map(
    (leaf) => `surgeon/device/+/${leaf}`,
  ),
  'surgeon/device/pi-1/input/#',
  'surgeon/device/pi-2/input/#',
  ...['request', 'state'].map((leaf) => `surgeon/worker/+/${leaf}`),
  '$share/pool/surgeon/worker/worker-1/request',
]

/** All that each account may write, and read. */
const rights = new Map<string, { readonly writes: readonly string[]; readonly reads: readonly string[] }>([
  [
    'pi-1',
    {
      writes: [
        ...['result', 'result/kitchen', 'state', 'metrics', 'plan', 'probe'].map(
          (leaf) => `surgeon/device/pi-1/${leaf}`,
        ),
        ...['worker-1', 'worker-2'].map((worker) => `surgeon/worker/${worker}/request`),
        'surgeon/requester/home/answers',
        'surgeon/requester/other/answers',
      ],
      reads: [
        ...['input/#', 'reply', 'probe'].map((leaf) => `surgeon/device/pi-1/${leaf}`),
        'surgeon/worker/+/state',
      ],
    },
  ],
  [
    'worker-1',
    {
      writes: ['surgeon/worker/worker-1/state', 'surgeon/device/pi-1/reply', 'surgeon/device/pi-2/reply'],
      reads: ['surgeon/worker/worker-1/request'],
    },
  ],
  ['cam-1', { writes: ['surgeon/device/pi-1/input', 'surgeon/device/pi-1/input/kitchen'], reads: [] }],
  [
    'grafana',
    {
      writes: [],
      reads: [
        ...['result', 'result/#', 'metrics', 'plan', 'state'].map((leaf) => `surgeon/device/+/${leaf}`),
        'surgeon/worker/+/state',
      ],
    },
  ],
  [
    'home',
    {
      writes: ['pi-1', 'pi-2'].flatMap((device) =>
        ['input', 'input/kitchen'].map((leaf) => `surgeon/device/${device}/${leaf}`),
      ),
      reads: ['surgeon/requester/home/answers', 'surgeon/requester/home/#'],
    },
  ],
])

describe('broker-config', () => {
  let folder: string
  const clients: MqttClient[] = []
  const stops: (() => Promise<unknown>)[] = []

  beforeEach(async ({ skip }) => {
    skip(missing !== undefined, missing)
    folder = await mkdtemp(join(tmpdir(), 'surgeon-broker-config-'))
  })

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.endAsync(true)))
    for (const stop of stops.splice(0)) await stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** Starts exactly the text given, and fails with what mosquitto writes if it ends by itself. */
  async function start(config: string, port: number): Promise<void> {
    const file = join(folder, 'mosquitto.conf')
    await writeFile(file, config)
    const child = spawn(mosquittoBinary!, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
    const exited = once(child, 'exit')
    const ended = exited.then(() => {
      throw new Error(`mosquitto ended: ${text}`)
    })
    ended.catch(() => undefined)
    stops.push(async () => {
      child.kill('SIGTERM')
      await exited
    })
    let text = ''
    child.stderr.on('data', (data: Buffer) => (text += data.toString()))
    await whenAccepted(port, ended)
    expect(text).not.toMatch(/error|unknown|deprecated/i)
  }

  async function join5(port: number, username: string, clientId?: string): Promise<MqttClient> {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
      protocolVersion: 5,
      reconnectPeriod: 0,
      username,
      password: `${username}-password`,
      ...(clientId === undefined ? {} : { clientId }),
    })
    clients.push(client)
    return client
  }

  /** The CONNACK of a refusal is sometimes overtaken by the reset behind it: what counts is how it ends. */
  function connects(port: number, username: string): Promise<boolean> {
    const options = { protocolVersion: 5, reconnectPeriod: 0, username, password: 'guess' } as const
    const client = connect(`mqtt://127.0.0.1:${port}`, options)
    clients.push(client)
    client.on('error', () => undefined)
    return new Promise((resolve) => {
      client.once('connect', () => resolve(true))
      client.once('close', () => resolve(false))
    })
  }

  test('mosquitto accepts the configuration for CI', async () => {
    const port = await freePort()
    await start(
      `${process.getuid?.() === 0 ? 'user root\n' : ''}${shipped('mosquitto-test.conf').replace('1883', `${port}`)}`,
      port,
    )
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5 })
    clients.push(client)
    expect(client.connected).toBe(true)
  })

  test('the production configuration, with the accounts of its README, lets each do its part only', async () => {
    const [plain, tls] = [await freePort(), await freePort()]
    const inFolder = (name: string): string => join(folder, name)
    const request509 = 'req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost'.split(' ')
    await run('openssl', [...request509, '-keyout', inFolder('server.key'), '-out', inFolder('server.crt')])
    const accounts = inFolder('dynamic-security.json')
    await run('mosquitto_ctrl', ['dynsec', 'init', accounts, 'admin', 'admin-password'])
    const config = shipped('mosquitto.conf')
      .replace('/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so', plugin!)
      .replace('/var/lib/mosquitto/dynamic-security.json', accounts)
      .replace('/var/lib/mosquitto/', `${folder}/`)
      .replaceAll('/etc/mosquitto/certs/', `${folder}/`)
      .replace('listener 1883 ', `listener ${plain} `)
      .replace('listener 8883', `listener ${tls} localhost`)
      .replace('log_dest syslog', 'log_dest stderr')
    await start(`${process.getuid?.() === 0 ? 'user root\n' : ''}${config}`, plain)

    // The commands of README.md, word for word but for host, port and passwords.
    const commands = shipped('README.md')
      .split('\n')
      .filter((line) => line.startsWith('ctrl '))
      .map((line) =>
        line
          .split(/\s+/)
          .slice(1)
          .map((word) => word.replaceAll("'", '')),
      )
    expect(commands.length).toBeGreaterThan(15)
    for (const command of commands) {
      const [verb, name] = command as [string, string]
      const words = verb === 'createClient' ? [verb, name, '-p', `${name}-password`] : command
      const options = ['-h', '127.0.0.1', '-p', `${plain}`, '-u', 'admin', '-P', 'admin-password']
      const { stdout, stderr } = await run('mosquitto_ctrl', [...options, 'dynsec', ...words])
      expect(`${stdout}${stderr}`).not.toMatch(/error|failed|unknown/i)
    }

    expect(await connects(plain, 'stranger')).toBe(false)
    const agent = await join5(plain, 'pi-1')
    const worker = await join5(plain, 'worker-1')
    await agent.subscribeAsync(['surgeon/device/pi-1/input/#', 'surgeon/device/pi-1/reply'], { qos: 1 })
    await agent.subscribeAsync(['surgeon/worker/+/state', 'surgeon/device/pi-1/probe'], { qos: 1 })
    await worker.subscribeAsync('surgeon/worker/worker-1/request', { qos: 1 })
    const request = new Promise((resolve) => worker.once('message', (topic) => resolve(topic)))
    const reply = new Promise((resolve) => agent.once('message', (topic) => resolve(topic)))
    await agent.publishAsync('surgeon/worker/worker-1/request', Buffer.alloc(1000), { qos: 1 })
    expect(await request).toBe('surgeon/worker/worker-1/request')
    await worker.publishAsync('surgeon/device/pi-1/reply', Buffer.alloc(1000), { qos: 1 })
    expect(await reply).toBe('surgeon/device/pi-1/reply')
    for (const name of ['result', 'state', 'metrics', 'probe'])
      await agent.publishAsync(`surgeon/device/pi-1/${name}`, 'x', { qos: 1 })
    await worker.publishAsync('surgeon/worker/worker-1/state', 'x', { qos: 1, retain: true })

    const others = ['cam-1', 'grafana', 'home']
    const members: [string, MqttClient][] = [
      ['pi-1', agent],
      ['worker-1', worker],
    ]
    for (const name of others) members.push([name, await join5(plain, name)])
    for (const [name, client] of members) {
      const granted = rights.get(name)!
      for (const topic of topics) {
        // A denied publish is acknowledged with 0x87, a denied subscription as well.
        const code = await client.publishAsync(topic, '', { qos: 1 }).then(
          () => 0,
          (error: { code: number }) => error.code,
        )
        expect([name, topic, code]).toEqual([name, topic, granted.writes.includes(topic) ? 0 : 0x87])
      }
      for (const filter of filters) {
        const refusal = await client.subscribeAsync(filter, { qos: 1 }).then(
          () => undefined,
          (error: Error) => error.message,
        )
        const reads = granted.reads.includes(filter)
        expect([name, filter, refusal === undefined]).toEqual([name, filter, reads])
      }
    }

    // Whatever client id an account claims, it is its own name: nobody is thrown out but itself.
    const inUse = ['pi-1', 'worker-1', 'surgeon-pi-1', 'surgeon-pi-1-pool', 'surgeon-worker-worker-1']
    for (const thief of others) {
      for (const clientId of inUse) await (await join5(plain, thief, clientId)).endAsync(true)
    }
    await agent.publishAsync('surgeon/device/pi-1/state', '', { qos: 1 })
    await worker.publishAsync('surgeon/worker/worker-1/state', '', { qos: 1 })
    expect([agent.connected, worker.connected]).toEqual([true, true])

    const secure = await connectAsync(`mqtts://localhost:${tls}`, {
      protocolVersion: 5,
      username: 'pi-1',
      password: 'pi-1-password',
      clientId: 'secure',
      ca: readFileSync(inFolder('server.crt')),
    })
    clients.push(secure)
    expect(secure.connected).toBe(true)
  })
})
