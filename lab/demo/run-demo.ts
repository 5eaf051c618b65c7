import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { modelCalibration } from '../../src/codec/model-codecs.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { stderrLog } from '../../src/telemetry/stderr-log.ts'
import { MqttSession } from '../../src/transport/mqtt-session.ts'
import { workerTopic } from '../../src/transport/topics.ts'
import { freePort } from '../free-port.ts'
import { type SurgeonProcess, startSurgeon } from '../surgeon-process.ts'
import { cameraFrames } from './camera.ts'
import { slowdownFor } from './edge-speed.ts'
import { phaseBounds } from './phase-bounds.ts'
import { playPolicy } from './play-policy.ts'
import { type BoardName, boards, type PolicyName, type Scenario } from './scenario.ts'
import { demoModel, retained, type Stage } from './stage.ts'
import { streamFaults, summariseStream } from './stream-summary.ts'
import { streamProgress, streamTable } from './stream-table.ts'
import { type DemoSummary, faults, type Row, summarise } from './summary.ts'
import { summaryTable, tableHead, tableRow } from './table.ts'

export interface DemoOptions {
  readonly scenario: Scenario
  /** As slow as this the edge is made. */
  readonly board: BoardName
  /** Instead: so many times slower; 1 leaves it as it is. */
  readonly edgeSlowdown: number | undefined
  /** Told each line as it comes. */
  readonly print: (line: string) => void
  readonly signal: AbortSignal
}

export interface DemoOutcome {
  /** For `--json`. */
  readonly summary: unknown
  /** In words. */
  readonly text: string
  /** Why the demo did not show what it should; empty when it did. */
  readonly faults: readonly string[]
}

/** Plays the scenario once per policy and compares. Leaves no process and no file behind, however it ends. */
export async function runDemo(options: DemoOptions): Promise<DemoOutcome> {
  const { print, signal, scenario } = options
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
    const { workSlowdown } = boards[options.board]
    const lab =
      options.edgeSlowdown === undefined
        ? { edgeSlowdown: await boardSlowdown(options.board, print), workSlowdown }
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
    const frames = await cameraFrames(scenario.pictures)
    camera = new MqttSession({ url, clientId: 'surgeon-demo-camera', backoff: { minMs: 50, maxMs: 500 } })
    camera.start()
    await Promise.race([camera.whenOnline(signal), broker.ended])
    const announcement = retained(camera, workerTopic('pool-1', 'state'), signal)
    await Promise.race([announcement, worker.ended])
    const stage: Stage = {
      scenario,
      directory,
      brokerPort,
      dashboardPort,
      lab,
      camera,
      print,
      signal,
      launch,
    }
    print(`Watch it on http://127.0.0.1:${dashboardPort}/`)
    const rows = {} as Record<PolicyName, readonly Row[]>
    const seconds = {} as Record<PolicyName, number>
    let eventLoopP99Ms = 0
    let cut = usualCut
    let boundsPerS: readonly number[] = []
    for (const policy of scenario.plays) {
      let show = (row: Row) => print(tableRow(row))
      if (scenario.name === 'stream') show = streamProgress(policy, print)
      else print(tableHead(policy))
      const played = await Promise.race([
        playPolicy(stage, policy, cut, frames, show),
        broker.ended,
        worker.ended,
      ])
      rows[policy] = played.rows
      seconds[policy] = played.seconds
      if (policy !== 'surgeon') continue
      eventLoopP99Ms = played.eventLoopP99Ms
      cut = mostUsedCut(played.rows) ?? usualCut
      // Before the next agent measures itself there.
      const facts = { stateDirectory: join(directory, 'state'), announcement: await announcement, frames }
      if (scenario.name === 'stream') boundsPerS = await phaseBounds(scenario, facts, stderrLog('demo'))
    }
    if (scenario.name === 'stream') {
      const summary = summariseStream(scenario, rows, { ...lab, eventLoopP99Ms, cut, boundsPerS })
      return { summary, text: streamTable(summary), faults: streamFaults(summary) }
    }
    const summary: DemoSummary = summarise(rows, { ...lab, eventLoopP99Ms, seconds })
    const { hash } = await loadModel(demoModel)
    const found = faults(summary, rows, await modelCalibration(demoModel, hash))
    return { summary, text: summaryTable(summary), faults: found }
  } finally {
    await camera?.stop()
    await Promise.all(processes.toReversed().map((process) => process.stop()))
    await rm(directory, { recursive: true, force: true })
  }
}

/** Where the policy of one cut cuts if nothing was ever cut. */
const usualCut = 'block_6_project_BN'

/** The wound, other than the input, at which most answers were cut. */
function mostUsedCut(rows: readonly Row[]): string | undefined {
  const counts = new Map<string, number>()
  for (const { result } of rows) {
    if (!result?.ok || result.plan.wound === 'input' || result.plan.wound === 'local') continue
    counts.set(result.plan.wound, (counts.get(result.plan.wound) ?? 0) + 1)
  }
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0]
}

async function boardSlowdown(board: BoardName, print: (line: string) => void): Promise<number> {
  const targetMs = boards[board].wholeMs
  const { nativeMs, slowdown } = await slowdownFor(demoModel, targetMs)
  print(
    `The whole model takes ${nativeMs.toFixed(1)} ms here; the edge is slowed down ${slowdown.toFixed(1)} times to the ${targetMs} ms that a ${board} is estimated to take (--edge-slowdown 1 turns it off).`,
  )
  return slowdown
}
