import { availableParallelism } from 'node:os'
import type { Engine, EngineName } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { cut, wholeModel } from '../../src/model-graph/cut.ts'
import { loadZooModel } from '../../src/model-graph/load-zoo-model.ts'
import { type ModelSize, modelSize } from '../../src/model-graph/model-size.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'
import { type ZooModel, zooModel, zooModels } from '../../src/model-graph/zoo/zoo.ts'
import { readOptions } from '../../src/terminal/options.ts'
import { progressBar, terminalProgress } from '../../src/terminal/progress.ts'
import { grouped, textTable } from '../../src/terminal/text-table.ts'
import { engineName } from '../engine-option.ts'

interface Row extends ModelSize {
  readonly name: string
  readonly title: string
  /** Milliseconds by engine. */
  readonly loadMs: Readonly<Partial<Record<EngineName, number>>>
  readonly top1: number
  readonly top5: number
  readonly accuracySource: string
}

/** Engines whose load time is measured unless `--engine` says otherwise; those that are not installed are left out. */
const usualEngines: readonly EngineName[] = ['onnxruntime', 'wasm', 'tensorflow']

/** The zoo's models: sizes, load time measured now, published accuracy, each with its rank. */
export async function models(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      model: { type: 'string', multiple: true },
      engine: { type: 'string', multiple: true },
      'no-load': { type: 'boolean' },
      json: { type: 'boolean' },
    },
  })
  const chosen = values.model?.map(zooModel) ?? zooModels.filter(({ name }) => !name.endsWith('-keras22'))
  const names = values['no-load'] === true ? [] : (values.engine?.map(engineName) ?? usualEngines)
  const { engines, missing } = await installed(names, values.engine !== undefined)
  const rows = await measure(chosen, engines)
  if (values.json === true) {
    console.log(JSON.stringify(rows, undefined, 2))
    return 0
  }
  console.log(tables(rows, engines))
  for (const reason of missing) console.log(`Not measured: ${reason}`)
  return 0
}

async function installed(
  names: readonly EngineName[],
  required: boolean,
): Promise<{ engines: Engine[]; missing: string[] }> {
  const engines: Engine[] = []
  const missing: string[] = []
  for (const name of names) {
    try {
      engines.push(await loadEngine(name))
    } catch (error) {
      if (required) throw error
      missing.push((error as Error).message)
    }
  }
  return { engines, missing }
}

async function measure(chosen: readonly ZooModel[], engines: readonly Engine[]): Promise<Row[]> {
  const progress = terminalProgress()
  const total = chosen.length * (engines.length + 1)
  let done = 0
  const rows: Row[] = []
  progress.show('starting the engines')
  for (const engine of engines) await warmUp(engine)
  for (const zoo of chosen) {
    const show = (what: string): void => progress.show(progressBar(done, total, `${zoo.title}: ${what}`))
    show('building')
    const model = await loadZooModel(zoo)
    done += 1
    const loadMs: Partial<Record<EngineName, number>> = {}
    for (const engine of engines) {
      show(`loading on ${engine.name}`)
      const startMs = performance.now()
      const threads = availableParallelism()
      const executable = await engine.compile(model, wholeModel(model.graph), { threads })
      loadMs[engine.name] = Math.round(performance.now() - startMs)
      await executable.release()
      done += 1
    }
    const { name, title, top1, top5, accuracySource } = zoo
    rows.push({ name, title, ...modelSize(model.graph), loadMs, top1, top5, accuracySource })
  }
  progress.clear()
  return rows
}

/** An engine's own start is not the model's: it opens a few layers first. */
async function warmUp(engine: Engine): Promise<void> {
  const model = await loadZooModel(zooModel('mobilenet'))
  const { head } = cut(model.graph, singleWounds(model.graph)[4]!)
  const executable = await engine.compile(model, head, { threads: availableParallelism() })
  await executable.release()
}

function tables(rows: readonly Row[], engines: readonly Engine[]): string {
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
  const column = (
    value: (row: Row) => number,
    order: 'most first' | 'least first',
    show: (value: number) => string,
  ) => {
    const sorted = rows.map(value).toSorted((a, b) => (order === 'most first' ? b - a : a - b))
    return (row: Row): (string | number)[] => [show(value(row)), sorted.indexOf(value(row)) + 1]
  }
  const table = (heads: readonly string[], columns: readonly ReturnType<typeof column>[]): string => {
    const head = ['model', ...heads.flatMap((name) => [name, 'rank'])]
    return textTable([head, ...rows.map((row) => [row.title, ...columns.flatMap((cells) => cells(row))])])
  }
  const sizes = table(
    ['layers', 'parameters', 'trainable', 'not trainable'],
    [
      column((row) => row.layers, 'least first', grouped),
      column((row) => row.parameters, 'least first', grouped),
      column((row) => row.trainableParameters, 'least first', grouped),
      column((row) => row.parameters - row.trainableParameters, 'least first', grouped),
    ],
  )
  const loads = engines.map(({ name }) =>
    column(
      (row) => row.loadMs[name]!,
      'least first',
      (ms) => `${grouped(ms)} ms`,
    ),
  )
  const cost = table(
    ['memory', ...engines.map(({ name }) => `load on ${name}`)],
    [column((row) => row.memoryBytes, 'least first', megabytes), ...loads],
  )
  const accuracy = table(
    ['top-1', 'top-5'],
    [
      column(
        (row) => row.top1,
        'most first',
        (percent) => `${percent.toFixed(1)} %`,
      ),
      column(
        (row) => row.top5,
        'most first',
        (percent) => `${percent.toFixed(1)} %`,
      ),
    ],
  )
  const sources = [...new Set(rows.map(({ accuracySource }) => accuracySource))].join(', ')
  return [
    `Size\n${sizes}`,
    `Memory and load time\n${cost}\nmemory = 4 bytes x (parameters + values of every layer's output for one picture)\nload = making the seeded weights, lowering to ONNX, opening a session, now on this machine`,
    `Published accuracy on the ImageNet validation set, of the published weights (seeded ones know nothing)\n${accuracy}\nsource: ${sources}`,
  ].join('\n\n')
}
