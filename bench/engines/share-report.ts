import { existsSync, readFileSync } from 'node:fs'
import { cpus, homedir, totalmem } from 'node:os'
import { basename } from 'node:path'
import { median } from 'simple-statistics'
import {
  type Engine,
  type EngineName,
  type Executable,
  type RoundedPrecision,
  roundedPrecisions,
  roundingEngine,
  saidPrecision,
  withPrecision,
} from '../../src/executor/engine.ts'
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
  /** `float32` where absent. */
  readonly precision?: RoundedPrecision
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
  /** Why an engine, or a precision of it (`xnnpack int8`), has no row. */
  readonly absent: Readonly<Record<string, string>>
}

/** Runs the models whole on those of the engines that are here, alternating in this process. */
export async function shareReport(
  models: readonly string[],
  names: readonly EngineName[],
  threads: number,
  options: PairedOptions,
): Promise<SharedReport> {
  const absent: Record<string, string> = {}
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
  for (const model of models) {
    const measured = await rowsOf(model, engines, threads, options)
    rows.push(...measured.rows)
    Object.assign(absent, measured.absent)
  }
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

/** What is compared, by the name it goes by here. */
interface Compared {
  readonly engine: EngineName
  readonly precision?: RoundedPrecision
  readonly executable: Executable
}

async function rowsOf(
  source: string,
  engines: readonly Engine[],
  threads: number,
  options: PairedOptions,
): Promise<{ readonly rows: SharedRow[]; readonly absent: Readonly<Record<string, string>> }> {
  const model = await loadModel(source)
  const inputs = exampleInputs(model)
  const compile = (engine: Engine) => engine.compile(model, wholeModel(model.graph), { threads })
  const compared: Compared[] = []
  const absent: Record<string, string> = {}
  for (const engine of engines) {
    compared.push({ engine: engine.name, executable: await compile(engine) })
    if (engine.name !== roundingEngine) continue
    for (const precision of roundedPrecisions) {
      try {
        const executable = await compile(withPrecision(engine, precision))
        compared.push({ engine: engine.name, precision, executable })
      } catch (error) {
        absent[`${engine.name} ${precision}`] = (error as Error).message
      }
    }
  }
  const answers: TensorValue[][] = []
  for (const { executable } of compared) answers.push(await executable.run(inputs))
  const runs = compared.map(
    ({ executable }): Work =>
      () =>
        executable.run(inputs),
  )
  const nameOf = ({ engine, precision }: Compared) => `${engine} ${precision ?? 'float32'}`
  const others = compared.slice(1).map((other, i) => [nameOf(other), runs[i + 1]!] as const)
  const times = await pairedTimes(runs[0]!, Object.fromEntries(others), options)
  const baseMs = median(Object.values(times).map((pair) => pair.baseMs))
  for (const { executable } of compared) await executable.release()
  const rows = compared.map((each, i): SharedRow => {
    const { engine, precision } = each
    const { otherMs, ratio } = i === 0 ? { otherMs: baseMs, ratio: 1 } : times[nameOf(each)]!
    return {
      model: basename(source),
      engine,
      ...saidPrecision(precision),
      wholeMs: otherMs,
      speed: 1 / ratio,
      relativeDifference: relativeDifference(answers[i]!, answers[0]!),
    }
  })
  return { rows, absent }
}

/** The board as it names itself, or the processor. */
function boardName(): string {
  const file = '/proc/device-tree/model'
  const board = existsSync(file) ? readFileSync(file, 'utf8').replaceAll('\0', '').trim() : ''
  return board || cpus()[0]?.model || 'unknown'
}
