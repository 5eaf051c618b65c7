import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ResultMessage } from '../../agent/request-message.ts'
import { type SurgeonProcess, startSurgeon } from '../../lab/surgeon-process.ts'
import { deferred } from '../../src/async/deferred.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { deviceTopic, everyDeviceTopic, workerTopic } from '../../src/transport/topics.ts'
import type { TestBroker, TestBrokerOptions } from '../brokers/test-broker.ts'
import { patienceMs } from '../patience.ts'

/** A real broker, real `surgeon` processes and a client that plays the camera; `close` ends them all. */
export interface EndToEnd {
  readonly broker: TestBroker
  readonly camera: MqttSession
  readonly start: (
    command: 'agent' | 'worker',
    config: Readonly<Record<string, unknown>> & { readonly limits?: object },
    environment?: Readonly<Record<string, string>>,
    under?: readonly string[],
  ) => Promise<SurgeonProcess>
  /** Resolves with the first message on a topic that satisfies the condition. */
  readonly message: (topic: string, wanted: (text: string) => boolean) => Promise<string>
  /** Sends an input, to a stream of the device or to none, and resolves with its result. */
  readonly ask: (device: string, input: Uint8Array, stream?: string) => Promise<ResultMessage>
  readonly close: () => Promise<void>
}

export const stateTopic = {
  agent: (device: string) => deviceTopic(device, 'state'),
  worker: (worker: string) => workerTopic(worker, 'state'),
}

/** Of `start-broker.ts` where the broker matters, and of `embedded.ts` where what is tested happens in one process. */
export async function endToEnd(
  startBroker: (options?: TestBrokerOptions) => Promise<TestBroker>,
): Promise<EndToEnd> {
  const folder = await mkdtemp(join(tmpdir(), 'surgeon-end-to-end-'))
  // One for all of a run: otherwise every process compiles the same model anew.
  const compiled = process.env['SURGEON_TEST_COMPILED'] ?? join(folder, 'compiled')
  const broker = await startBroker()
  const camera = new MqttSession({
    url: broker.url,
    clientId: 'camera',
    maxInFlightBytes: 4 << 20,
    backoff: { minMs: 20, maxMs: 200 },
  })
  camera.start()
  await camera.whenOnline()
  const processes: SurgeonProcess[] = []
  const answers = new Map<string, (result: ResultMessage) => void>()
  await camera.subscribe(`${everyDeviceTopic('result')}/#`, ({ payload }) => {
    const result = JSON.parse(Buffer.from(payload).toString()) as ResultMessage
    answers.get(result.id)?.(result)
  })
  return {
    broker,
    camera,
    async start(command, config, environment, under) {
      const file = join(folder, `${command}-${processes.length}.yaml`)
      const common = { mqtt: { url: broker.url }, compiledCache: { directory: compiled } }
      const rest =
        command === 'agent'
          ? { model: 'mobilenetv2', stateDirectory: folder, limits: { requestMs: patienceMs } }
          : // Several in one call are measured for as long as all else together.
            { models: ['mobilenetv2'], limits: { batch: 1 } }
      const limits = { ...rest.limits, ...config.limits }
      await writeFile(file, JSON.stringify({ ...common, ...rest, ...config, limits }))
      const started = startSurgeon(command, file, environment, under)
      processes.push(started)
      return started
    },
    async message(topic, wanted) {
      const { promise, resolve } = deferred<string>()
      const end = await camera.subscribe(topic, ({ payload }) => {
        const text = Buffer.from(payload).toString()
        if (wanted(text)) resolve(text)
      })
      const text = await promise
      await end()
      return text
    },
    async ask(device, input, stream) {
      const id = randomUUID()
      const { promise, resolve } = deferred<ResultMessage>()
      answers.set(id, resolve)
      const topic = deviceTopic(device, 'input')
      await camera.publish(stream === undefined ? topic : `${topic}/${stream}`, input, {
        qos: 1,
        timeoutMs: patienceMs,
        correlationData: Buffer.from(id),
      })
      return promise
    },
    async close() {
      await Promise.all(processes.map((process) => process.stop()))
      await camera.stop()
      await broker.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
