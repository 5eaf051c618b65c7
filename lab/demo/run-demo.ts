import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { modelCalibration } from '../../src/codec/model-codecs.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { workerTopic } from '../../src/transport/topics.ts'
import { freePort } from '../free-port.ts'
import { type SurgeonProcess, startSurgeon } from '../surgeon-process.ts'
import { cameraFrames } from './camera.ts'
import { slowdownFor } from './edge-speed.ts'
import { playPolicy } from './play-policy.ts'
import { frameCount, type PolicyName, policies, raspberryPi4Ms } from './scenario.ts'
import { demoModel, retained, type Stage } from './stage.ts'
import { type DemoSummary, faults, type Row, summarise } from './summary.ts'

export interface DemoOptions {
  /** How much slower the edge is made; undefined makes it as slow as a Raspberry Pi 4. 1 leaves it as it is. */
  readonly edgeSlowdown: number | undefined
  /** Told each line as it comes. */
  readonly print: (line: string) => void
  readonly signal: AbortSignal
}

export interface DemoOutcome {
  readonly summary: DemoSummary
  /** Why the demo did not show what it should; empty when it did. */
  readonly faults: readonly string[]
}

/** Plays the scenario once per policy and compares. Leaves no process and no file behind, however it ends. */
export async function runDemo(options: DemoOptions): Promise<DemoOutcome> {
  const { print, signal } = options
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
    const edgeSlowdown = options.edgeSlowdown ?? (await raspberryPi4Slowdown(print))
    const brokerPort = await freePort()
    const url = `mqtt://127.0.0.1:${brokerPort}`
    const broker = await launch('broker', 'broker', { port: brokerPort })
    const worker = await launch('worker', 'worker', {
      worker: 'pool-1',
      mqtt: { url },
      models: [demoModel],
      compiledCache: { directory: join(directory, 'compiled') },
    })
    const frames = await cameraFrames(frameCount)
    camera = new MqttSession({ url, clientId: 'surgeon-demo-camera', backoff: { minMs: 50, maxMs: 500 } })
    camera.start()
    await Promise.race([camera.whenOnline(signal), broker.ended])
    await Promise.race([retained(camera, workerTopic('pool-1', 'state'), signal), worker.ended])
    const stage: Stage = { directory, brokerPort, edgeSlowdown, camera, print, signal, launch }
    const rows = {} as Record<PolicyName, readonly Row[]>
    const seconds = {} as Record<PolicyName, number>
    let eventLoopP99Ms = 0
    for (const policy of policies) {
      const played = await Promise.race([playPolicy(stage, policy, frames), broker.ended, worker.ended])
      rows[policy] = played.rows
      seconds[policy] = played.seconds
      if (policy === 'surgeon') eventLoopP99Ms = played.eventLoopP99Ms
    }
    const summary = summarise(rows, { edgeSlowdown, eventLoopP99Ms, seconds })
    const { hash } = await loadModel(demoModel)
    return { summary, faults: faults(summary, rows, await modelCalibration(demoModel, hash)) }
  } finally {
    await camera?.stop()
    await Promise.all(processes.toReversed().map((process) => process.stop()))
    await rm(directory, { recursive: true, force: true })
  }
}

async function raspberryPi4Slowdown(print: (line: string) => void): Promise<number> {
  const { nativeMs, slowdown } = await slowdownFor(demoModel, raspberryPi4Ms)
  print(
    `The whole model takes ${nativeMs.toFixed(1)} ms here; the edge is slowed down ${slowdown.toFixed(1)} times to a Raspberry Pi 4's ${raspberryPi4Ms} ms (--edge-slowdown 1 turns it off).`,
  )
  return slowdown
}
