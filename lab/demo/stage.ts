import { join } from 'node:path'
import { deferred } from '../../src/async/deferred.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { workerTopic } from '../../src/transport/topics.ts'
import { freePort } from '../free-port.ts'
import { ProcessGroup } from '../process-group.ts'
import type { SurgeonProcess } from '../surgeon-process.ts'
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

/** A broker, a worker that serves one model, and a client of theirs. */
export interface Pool {
  readonly directory: string
  readonly brokerPort: number
  /** Of the broker. */
  readonly url: string
  readonly client: MqttSession
  /** What the worker said of itself. */
  readonly announcement: Uint8Array
  /** Starts an agent whose configuration is `config`. */
  readonly launch: (config: unknown) => Promise<SurgeonProcess>
  /** Without the broker where it was there before. */
  readonly members: { readonly broker?: SurgeonProcess; readonly worker: SurgeonProcess }
  /** Rejects when one of them ends. */
  readonly broken: Promise<unknown>
}

/** What every part of the demo needs of the others: a pool, and a camera. */
export interface Stage extends Omit<Pool, 'client'> {
  /** Each agent serves its page there. */
  readonly dashboardPort: number
  /** The agent's, for the lab. */
  readonly lab: { readonly edgeSlowdown: number; readonly workSlowdown: number }
  readonly frames: readonly CameraFrame[]
  readonly camera: MqttSession
  readonly print: (line: string) => void
  readonly signal: AbortSignal
}

/** Where agents keep their profiles. */
export function stateOf({ directory }: Pick<Pool, 'directory'>): string {
  return join(directory, 'state')
}

/** Builds the stage, plays on it, and leaves no process and no file behind, however that ends. */
export async function withStage<T>(options: StageOptions, play: (stage: Stage) => Promise<T>): Promise<T> {
  const { print, signal, board } = options
  const lab =
    options.edgeSlowdown === undefined
      ? {
          edgeSlowdown: await boardSlowdown(board, print),
          workSlowdown: boards[board].workSlowdown,
        }
      : { edgeSlowdown: options.edgeSlowdown, workSlowdown: 1 }
  const frames = await cameraFrames(options.pictures)
  return withPool(demoModel, signal, async ({ client: camera, ...pool }) => {
    const dashboardPort = await freePort()
    return play({ ...pool, dashboardPort, lab, frames, camera, print, signal })
  })
}

/**
 * Starts a pool for a model, plays with it, and ends all of it.
 * @param brokerUrl of a broker that is there, instead of one of its own
 */
export async function withPool<T>(
  model: string,
  signal: AbortSignal,
  play: (pool: Pool) => Promise<T>,
  brokerUrl?: string,
): Promise<T> {
  const group = await ProcessGroup.open('demo')
  const { directory } = group
  let client: MqttSession | undefined
  try {
    const brokerPort = brokerUrl === undefined ? await freePort() : Number(new URL(brokerUrl).port || 1883)
    const url = brokerUrl ?? `mqtt://127.0.0.1:${brokerPort}`
    const broker = brokerUrl === undefined ? await group.launch('broker', { port: brokerPort }) : undefined
    const worker = await group.launch('worker', {
      worker: 'pool-1',
      mqtt: { url },
      models: [model],
      compiledCache: { directory: join(directory, 'compiled') },
    })
    const members = { worker, ...(broker !== undefined && { broker }) }
    const broken = Promise.race(Object.values(members).map(({ ended }) => ended))
    client = new MqttSession({ url, clientId: 'surgeon-demo', backoff: { minMs: 50, maxMs: 500 } })
    client.start()
    await Promise.race([client.whenOnline(signal), broken])
    const said = retained(client, workerTopic('pool-1', 'state'), signal)
    await Promise.race([said, broken])
    const launch = (config: unknown) => group.launch('agent', config)
    return await play({
      directory,
      brokerPort,
      url,
      client,
      announcement: await said,
      launch,
      members,
      broken,
    })
  } finally {
    await client?.stop()
    await group.stop()
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
