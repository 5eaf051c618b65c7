import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startBroker } from '../brokers/start-broker.ts'
import { startWebSocketBridge, type WebSocketBridge } from '../brokers/websocket-bridge.ts'
import { bundledPhoto } from '../model-input.ts'
import { askUntil, byWorker } from './ask-until.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

let stage: EndToEnd
let bridge: WebSocketBridge | undefined
let deaf: ChildProcess | undefined
const fillers: Socket[] = []

beforeEach(async () => {
  stage = await endToEnd(startBroker)
})
afterEach(async () => {
  await stage.close()
  await bridge?.stop()
  bridge = undefined
  for (const socket of fillers.splice(0)) socket.destroy()
  deaf?.kill('SIGKILL')
})

async function whenOnline(device: string): Promise<void> {
  await stage.message(stateTopic.agent(device), (text) => text.includes('online'))
}

test('agent and worker reach a broker over WebSockets at a path, both ways with pictures and tensors', async () => {
  bridge = await startWebSocketBridge(stage.broker.port)
  const mqtt = { url: `ws://127.0.0.1:${bridge.port}/mqtt/edge` }
  await stage.start('worker', { worker: 'w', mqtt })
  await stage.message(stateTopic.worker('w'), (text) => text !== '')
  // Slow enough for the worker to be worth its way.
  await stage.start('agent', { device: 'pi', mqtt, lab: { edgeSlowdown: 30 } })
  await whenOnline('pi')
  const photo = await readFile(bundledPhoto('cat'))
  const answer = await askUntil(() => stage.ask('pi', photo), byWorker)
  expect(answer.top![0]!.label).toMatch(/cat/)
  expect(bridge.asked).toEqual(bridge.asked.map(() => ({ path: '/mqtt/edge', protocol: 'mqtt' })))
  expect(bridge.asked.length).toBeGreaterThanOrEqual(2)
})

/** Of a host that is off: whoever asks for a connection hears nothing. Its queue is full and nobody takes from it. */
async function deadAddress(address: string, port: number): Promise<void> {
  const listen = `require('node:net').createServer().listen({ host: '${address}', port: ${port}, backlog: 1 }, () => {
    require('node:fs').writeSync(1, 'listens')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`
  deaf = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(deaf.stdout!, 'data')
  for (let i = 0; i < 8; i++) fillers.push(connect({ host: address, port }).on('error', () => undefined))
  while (!fillers.some(({ connecting }) => !connecting)) await turn()
}

test('an agent whose broker has two addresses, of which the first is dead, is served by the other', async ({
  skip,
}) => {
  skip(
    process.platform !== 'linux',
    'only Linux has every 127.0.0.x, and drops what a full queue has no room for',
  )
  await deadAddress('127.0.0.2', stage.broker.port)
  // What a name server would say.
  const names = `import dns from 'node:dns'
    const addresses = ['127.0.0.2', '127.0.0.1'].map((address) => ({ address, family: 4 }))
    const { lookup } = dns
    dns.lookup = (host, options, then) => host === 'broker.example'
      ? then(null, ...(options.all ? [addresses] : ['127.0.0.2', 4]))
      : lookup(host, options, then)`
  const url = `mqtt://broker.example:${stage.broker.port}`
  await stage.start(
    'agent',
    { device: 'pi', mqtt: { url }, policy: 'local' },
    { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(names)}` },
  )
  await whenOnline('pi')
  expect(await stage.ask('pi', await readFile(bundledPhoto('cat')))).toMatchObject({ ok: true })
})
