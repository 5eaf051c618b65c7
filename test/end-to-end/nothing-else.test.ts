import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cameraFrames } from '../../lab/demo/camera.ts'
import { startEmbedded } from '../brokers/embedded.ts'
import { type EndToEnd, endToEnd, stateTopic } from './stage.ts'

let folder: string
let running: EndToEnd
let canTrace: boolean
const traceOf = (name: string) => join(folder, `${name}.trace`)

// Agent and worker answer under an empty home, the agent having tried every engine in processes of their own, and end. The
// worker's engine is the one that keeps compiled segments, whichever is the fastest here.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-nothing-else-'))
  running = await endToEnd(startEmbedded)
  const [home, temporary] = [join(folder, 'home'), join(folder, 'tmp')]
  await Promise.all([mkdir(home), mkdir(temporary)])
  const trace = ['strace', '-D', '-f', '-qq', '-e', 'trace=network']
  canTrace = await promisify(execFile)(trace[0]!, ['-D', '-f', 'true']).then(
    () => true,
    () => false,
  )
  const under = (name: string) => (canTrace ? [...trace, '-o', traceOf(name)] : [])
  const environment = { HOME: home, TMPDIR: temporary, XDG_CACHE_HOME: join(home, '.cache') }
  const settings = { compiledCache: undefined }
  const { start, message, ask } = running
  const worker = await start(
    'worker',
    { ...settings, worker: 'pool', engine: 'onnxruntime' },
    environment,
    under('worker'),
  )
  const served = message(stateTopic.worker('pool'), (text) => text !== '')
  await Promise.race([served, worker.ended])
  const agent = await start(
    'agent',
    { ...settings, device: 'pi', engine: 'auto' },
    environment,
    under('agent'),
  )
  const online = message(stateTopic.agent('pi'), (text) => text.includes('online'))
  await Promise.race([online, agent.ended])
  for (const { bytes } of await cameraFrames(3)) await ask('pi', bytes)
  await agent.stop()
  await worker.stop()
})

afterAll(async () => {
  await running.close()
  await rm(folder, { recursive: true, force: true })
})

// The runtime's telemetry, where it is on, leaves an identity and a queue in the home and a log in the other.
test('agent and worker leave their own compiled segments in the home, and nothing in the temporary folder', async () => {
  const files = (name: string) => readdir(join(folder, name), { recursive: true, withFileTypes: true })
  const left = [...(await files('home')), ...(await files('tmp'))]
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
  expect(left.length).toBeGreaterThan(0)
  expect(left.filter((path) => !path.startsWith('home/.cache/surgeon/'))).toEqual([])
})

test('agent and worker look nothing up and connect to their broker alone', async ({ skip }) => {
  skip(!canTrace, 'strace is not installed or may not trace here: only the files left behind are looked at')
  for (const name of ['agent', 'worker']) {
    const calls = await readFile(traceOf(name), 'utf8')
    // A name is looked up by connecting to a name server, or to a daemon that knows one over a local socket.
    const addressed = calls.matchAll(
      /\b(?:connect|sendto|sendmsg|sendmmsg)\(.*?(\{sa_family=AF_(?:IN|UN).*?\})/g,
    )
    const broker = `{sa_family=AF_INET, sin_port=htons(${running.broker.port}), sin_addr=inet_addr("127.0.0.1")}`
    expect([name, ...new Set([...addressed].map(([, address]) => address))]).toEqual([name, broker])
  }
})
