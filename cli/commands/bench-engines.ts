import { enginesTable } from '../../bench/engines/engines-table.ts'
import { type EngineRow, measureEngine } from '../../bench/engines/measure-engine.ts'
import { type EngineName, engineNames } from '../../src/executor/engine.ts'
import { readOptions, wholeNumber } from '../options.ts'
import { UsageError } from '../usage-error.ts'

const defaults = {
  models: 'mobilenetv2,resnet50,inceptionv3',
  engines: 'onnxruntime',
  threads: '1,2',
  rounds: '25',
}
const warmUpRounds = 3

/** Measures whole, cut and chained models on the engines of this machine. */
export async function benchEngines(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      models: { type: 'string', default: defaults.models },
      engines: { type: 'string', default: defaults.engines },
      threads: { type: 'string', default: defaults.threads },
      rounds: { type: 'string', default: defaults.rounds },
      parity: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const engines = values.engines.split(',').map(engineName)
  const threads = values.threads.split(',').map((text) => wholeNumber(text, '--threads', 1))
  const rounds = wholeNumber(values.rounds, '--rounds', 1)
  const rows: EngineRow[] = []
  for (const model of values.models.split(',')) {
    for (const engine of engines) {
      for (const count of threads) {
        process.stderr.write(`${model}, ${engine}, ${count} threads\n`)
        const options = { rounds, warmUpRounds, parity: values.parity, now: () => performance.now() }
        rows.push(await measureEngine(model, engine, count, options))
      }
    }
  }
  console.log(values.json ? JSON.stringify({ rows }, undefined, 2) : enginesTable(rows))
  return 0
}

function engineName(text: string): EngineName {
  const found = engineNames.find((name) => name === text)
  if (found === undefined)
    throw new UsageError(`--engines must be of ${engineNames.join(', ')}, current value is ${text}`)
  return found
}
