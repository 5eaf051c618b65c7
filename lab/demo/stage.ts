import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deferred } from '../../src/async/deferred.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { workerTopic } from '../../src/transport/topics.ts'
import { freePort } from '../free-port.ts'
import { type SurgeonProcess, startSurgeon } from '../surgeon-process.ts'
import { type CameraFrame, cameraFrames } from './camera.ts'
import { slowdownFor } from './edge-speed.ts'
import { type BoardName, boards } from './scenario.ts'

export const demoModel = 'mobilenetv2'

export interface StageOptions {
  /** As slow as this the edge is made. */
  readonly board: BoardName
  /** Instead: so many times slower; 1 leaves it as it is. */
  readonly edgeSlowdown: number | undefined
  /** Pictures of the camera. */
  readonly pictures: number
  /** Told each line as it comes. */
  readonly print: (line: string) => void
  readonly signal: AbortSignal
}

/** What every part of the demo needs of the others: a broker and a worker that run, and a camera. */
export interface Stage {
  readonly directory: string
  readonly brokerPort: number
  /** Each agent serves its page there. */
  readonly dashboardPort: number
  /** The agent's, for the lab. */
  readonly lab: { readonly edgeSlowdown: number; readonly workSlowdown: number }
  readonly frames: readonly CameraFrame[]
  readonly camera: MqttSession
  /** What the worker said of itself. */
  readonly announcement: Uint8Array
  readonly print: (line: string) => void
  readonly signal: AbortSignal
  /** Starts a `surgeon` process whose configuration is `config`. */
  readonly launch: (command: string, name: string, config: unknown) => Promise<SurgeonProcess>
  /** Rejects when broker or worker end. */
  readonly broken: Promise<unknown>
}

/** Where agents keep their profiles. */
export function stateOf({ directory }: Stage): string {
  return join(directory, 'state')
}

/** Builds the stage, plays on it, and leaves no process and no file behind, however that ends. */
export async function withStage<T>(options: StageOptions, play: (stage: Stage) => Promise<T>): Promise<T> {
  const { print, signal, board } = options
  const directory = await mkdtemp(join(tmpdir(), 'surgeon-demo-'))
  const processes: SurgeonProcess[] = []
  const launch = async (command: string, name: string, config: unknown) => {
    const file = join(directory, `${name}.yaml`)
    // JSON is YAML.
    await writeFile(file, JSON.stringify(config, undefined, 2))
    const started = startSurgeon(command, file)
    processes.push(started)
    return started
  }
  let camera: MqttSession | undefined
  try {
    const lab =
      options.edgeSlowdown === undefined
        ? {
            edgeSlowdown: await boardSlowdown(board, print),
            workSlowdown: boards[board].workSlowdown,
          }
        : { edgeSlowdown: options.edgeSlowdown, workSlowdown: 1 }
    const brokerPort = await freePort()
    const dashboardPort = await freePort()
    const url = `mqtt://127.0.0.1:${brokerPort}`
    const broker = await launch('broker', 'broker', { port: brokerPort })
    const worker = await launch('worker', 'worker', {
      worker: 'pool-1',
      mqtt: { url },
      models: [demoModel],
      compiledCache: { directory: join(directory, 'compiled') },
    })
    const broken = Promise.race([broker.ended, worker.ended])
    const frames = await cameraFrames(options.pictures)
    camera = new MqttSession({ url, clientId: 'surgeon-demo-camera', backoff: { minMs: 50, maxMs: 500 } })
    camera.start()
    await Promise.race([camera.whenOnline(signal), broken])
    const said = retained(camera, workerTopic('pool-1', 'state'), signal)
    await Promise.race([said, broken])
    const announcement = await said
    const open = { directory, brokerPort, dashboardPort, lab, frames, camera, announcement, broken }
    return await play({ ...open, print, signal, launch })
  } finally {
    await camera?.stop()
    await Promise.all(processes.toReversed().map((process) => process.stop()))
    await rm(directory, { recursive: true, force: true })
  }
}

async function boardSlowdown(board: BoardName, print: (line: string) => void): Promise<number> {
  const targetMs = boards[board].wholeMs
  const { nativeMs, slowdown } = await slowdownFor(demoModel, targetMs)
  print(
    `The whole model takes ${nativeMs.toFixed(1)} ms here; the edge is slowed down ${slowdown.toFixed(1)} times to the ${targetMs} ms that a ${board} is estimated to take (--edge-slowdown 1 turns it off).`,
  )
  return slowdown
}

/** Resolves with the first message that is not empty on a topic. */
export async function retained(
  session: MqttSession,
  topic: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { promise, resolve, reject } = deferred<Uint8Array>()
  const onAbort = () => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  const unsubscribe = await session.subscribe(topic, (message) => {
    if (message.payload.length > 0) resolve(message.payload)
  })
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', onAbort)
    await unsubscribe()
  }
}
