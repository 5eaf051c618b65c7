import { existsSync, readFileSync } from 'node:fs'
import { cpus, homedir, totalmem } from 'node:os'
import { basename } from 'node:path'
import { median } from 'simple-statistics'
import { type Engine, type EngineName } from '../../src/executor/engine.ts'
import { type EngineEnvironment, engineEnvironment } from '../../src/executor/installed-engines.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { exampleInputs, relativeDifference } from '../../src/executor/parity.ts'
import { wholeModel } from '../../src/model-graph/cut.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import { type PairedOptions, pairedTimes, type Work } from './paired-times.ts'

interface SharedRow {
  readonly model: string
  readonly engine: EngineName
  readonly wholeMs: number
  /** Of the first engine / of this one, the median of runs next to each other: above 1 this one is the faster. */
  readonly speed: number
  /** Of the answers to the first engine's, relative to its largest. */
  readonly relativeDifference: number
}

/** What one machine's engines do, small enough to be pasted into an issue; nothing in it names the machine's owner. */
export interface SharedReport {
  readonly version: 1
  readonly board: string
  readonly architecture: string
  readonly cores: number
  readonly memoryMb: number
  readonly threads: number
  readonly environment: EngineEnvironment
  readonly rows: readonly SharedRow[]
  /** Why an engine has no row. */
  readonly absent: Readonly<Partial<Record<EngineName, string>>>
}

/** Runs the models whole on those of the engines that are here, alternating in this process. */
export async function shareReport(
  models: readonly string[],
  names: readonly EngineName[],
  threads: number,
  options: PairedOptions,
): Promise<SharedReport> {
  const absent: Partial<Record<EngineName, string>> = {}
  const engines: Engine[] = []
  for (const name of names) {
    try {
      engines.push(await loadEngine(name))
    } catch (error) {
      absent[name] = (error as Error).message.replaceAll(homedir(), '~')
    }
  }
  if (engines.length < 2)
    throw new Error(`Cannot compare engines: at least 2 must be here, current value is ${engines.length}`)
  const rows: SharedRow[] = []
  for (const model of models) rows.push(...(await rowsOf(model, engines, threads, options)))
  return {
    version: 1,
    board: boardName(),
    architecture: process.arch,
    cores: cpus().length,
    memoryMb: Math.round(totalmem() / 1e6),
    threads,
    environment: engineEnvironment(),
    rows,
    absent,
  }
}

async function rowsOf(
  source: string,
  engines: readonly Engine[],
  threads: number,
  options: PairedOptions,
): Promise<SharedRow[]> {
  const model = await loadModel(source)
  const inputs = exampleInputs(model)
  const executables = await Promise.all(
    engines.map((engine) => engine.compile(model, wholeModel(model.graph), { threads })),
  )
  const runs = executables.map(
    (executable): Work =>
      () =>
        executable.run(inputs),
  )
  const answers: TensorValue[][] = []
  for (const executable of executables) answers.push(await executable.run(inputs))
  const others = engines.slice(1).map(({ name }, i) => [name, runs[i + 1]!] as const)
  const times = await pairedTimes(runs[0]!, Object.fromEntries(others), options)
  const baseMs = median(Object.values(times).map((pair) => pair.baseMs))
  for (const executable of executables) await executable.release()
  const first = {
    model: basename(source),
    engine: engines[0]!.name,
    wholeMs: baseMs,
    speed: 1,
    relativeDifference: 0,
  }
  const rest = others.map(([engine], i): SharedRow => {
    const { otherMs, ratio } = times[engine]!
    const difference = relativeDifference(answers[i + 1]!, answers[0]!)
    return {
      model: basename(source),
      engine,
      wholeMs: otherMs,
      speed: 1 / ratio,
      relativeDifference: difference,
    }
  })
  return [first, ...rest]
}

/** The board as it names itself, or the processor. */
function boardName(): string {
  const file = '/proc/device-tree/model'
  const board = existsSync(file) ? readFileSync(file, 'utf8').replaceAll('\0', '').trim() : ''
  return board || cpus()[0]?.model || 'unknown'
}
