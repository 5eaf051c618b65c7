import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Agent } from '../../agent/agent.ts'
import { agentConfigSchema } from '../../agent/config.ts'
import type { ResultMessage } from '../../agent/request-message.ts'
import { workerConfigSchema } from '../../backend/config.ts'
import { BackendWorker } from '../../backend/worker.ts'
import { deferred } from '../../src/async/deferred.ts'
import { calibrationSchema } from '../../src/codec/calibration-file.ts'
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/embedded-broker/embedded-broker.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { deviceTopic } from '../../src/transport/topics.ts'
import { crops } from '../crops.ts'
import { bundledPhoto } from '../model-input.ts'
import { repositoryRoot } from '../paths.ts'
import { patienceMs } from '../patience.ts'
import { askUntil } from './ask-until.ts'

/** Inside the ring around block 15: the ring's entry, which its addition reads again, and what the branch has made. */
const wound = 'block_14_add+block_15_project_BN'
const surgeon = fileURLToPath(new URL('dist/cli/surgeon.js', repositoryRoot))
const faults: string[] = []
const log = (level: string, message: string, fields?: unknown) => {
  if (level === 'error') faults.push(`${message} ${JSON.stringify(fields)}`)
}
let folder: string
let model: string
let broker: EmbeddedBroker
let mqtt: { url: string }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-several-'))
  model = join(folder, 'mobilenetv2')
  const bundled = fileURLToPath(new URL('models/mobilenetv2', repositoryRoot))
  await cp(bundled, model, { recursive: true, filter: (path) => !path.includes('calibration') })
  await mkdir(join(folder, 'photos'))
  // As few as may be: learning the transforms takes nearly all of the time, and takes it by the picture.
  for (const { name, read } of (await crops()).slice(0, 16)) {
    await writeFile(join(folder, 'photos', `${name}.jpg`), await read())
  }
  broker = createEmbeddedBroker()
  const { port } = await broker.start()
  mqtt = { url: `mqtt://127.0.0.1:${port}` }
})

afterAll(async () => {
  await broker.stop()
  await rm(folder, { recursive: true })
})

async function run(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [surgeon, ...args])
  return stdout
}

async function inferred(...args: string[]): Promise<{ label: string; probability: number; bytes: number }[]> {
  const photos = ['coffee', 'palace', 'rocket'].map(bundledPhoto)
  const answers = JSON.parse(await run('infer', ...photos, '--model', model, '--json', ...args)) as {
    top: { label: string; probability: number }[]
    bytes: number
  }[]
  return answers.map(({ top, bytes }) => ({ ...top[0]!, bytes }))
}

test('several tensors: calibrated, cut, carried and finished like the whole', async () => {
  const photos = join(folder, 'photos')
  const what = ['--wounds', `global_average_pooling2d_1,${wound}`, '--levels', '10,14']
  const { rows } = JSON.parse(
    await run('calibrate', '--model', model, '--images', photos, '--json', ...what),
  ) as { rows: { wound: string; codec: string }[] }
  expect(rows.some((row) => row.wound === wound && row.codec === 'q4')).toBe(true)
  const calibration = calibrationSchema.parse(
    JSON.parse(await readFile(join(model, 'calibration.json'), 'utf8')),
  )
  const own = calibration.rows.filter((row) => row.wound === wound)
  expect(own.filter(({ codec }) => codec.startsWith('klt:')).length).toBeGreaterThan(1)
  const transforms = calibration.transforms.filter((entry) => entry.wound === wound)
  expect(transforms.map(({ tensor, channels }) => [tensor, channels])).toEqual([
    ['block_14_add', 160],
    ['block_15_project_BN', 160],
  ])
  expect(transforms[0]!.data).not.toBe(transforms[1]!.data)

  const whole = await inferred()
  for (const codec of ['q4', 'klt:14']) {
    const cut = await inferred('--wound', wound, '--codec', codec)
    expect(cut.map(({ label }) => label)).toEqual(whole.map(({ label }) => label))
    for (const [i, { probability, bytes }] of cut.entries()) {
      expect(Math.abs(probability - whole[i]!.probability)).toBeLessThan(0.1)
      expect(bytes).toBeGreaterThan(1000)
      // A byte for each of the 2 x 7 x 7 x 160 values.
      expect(bytes).toBeLessThan(15_680)
    }
  }
  await withDaemons(async (ask) => {
    const answer = await ask(await readFile(bundledPhoto('coffee')))
    expect(answer).toMatchObject({
      ok: true,
      finishedAt: 'worker',
      plan: { wound, codec: expect.stringMatching(/^klt:/) },
      top: [{ label: whole[0]!.label }, {}, {}, {}, {}],
    })
    const smallest = Math.min(...own.map(({ bytesMean }) => bytesMean))
    expect(answer.ok ? answer.bytes : 0).toBeGreaterThan(0.5 * smallest)
  })
  expect(faults).toEqual([])
})

/**
 * An agent that cuts only at the wound and has its calibrated codecs alone, as which of all is the fastest on loopback is
 * the machine's to say, and a worker, which both have the calibration.
 */
async function withDaemons(
  use: (ask: (input: Uint8Array) => Promise<ResultMessage>) => Promise<void>,
): Promise<void> {
  // Of sixteen pictures without labels no fewer are known not to be lost.
  const settings = {
    model,
    stateDirectory: join(folder, 'edge'),
    wound,
    featureCodecs: [],
    maxAccuracyLoss: 0.15,
  }
  const agent = new Agent(agentConfigSchema.parse({ device: 'pi', mqtt, ...settings }), log)
  const worker = new BackendWorker(
    workerConfigSchema.parse({ worker: 'w', mqtt, models: [model], stateDirectory: join(folder, 'pool') }),
    log,
  )
  const client = new MqttSession({ ...mqtt, clientId: 'client', log })
  try {
    await worker.start()
    await agent.start()
    client.start()
    await client.whenOnline()
    let answer: (message: ResultMessage) => void = () => undefined
    await client.subscribe(deviceTopic('pi', 'result'), ({ payload }) =>
      answer(JSON.parse(Buffer.from(payload).toString()) as ResultMessage),
    )
    const once = async (input: Uint8Array) => {
      const { promise, resolve } = deferred<ResultMessage>()
      answer = resolve
      await client.publish(deviceTopic('pi', 'input'), input, { qos: 1, timeoutMs: patienceMs })
      return promise
    }
    await use((input) =>
      askUntil(
        () => once(input),
        () => true,
      ),
    )
  } finally {
    await client.stop()
    await agent.stop()
    await worker.stop()
  }
}
