import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { enginesTable } from '../../bench/engines/engines-table.ts'
import { type EngineBenchOptions, type EngineRow, measureEngine } from '../../bench/engines/measure-engine.ts'
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
  const isOne = threads.length === 1 && engines.length === 1 && !values.models.includes(',')
  for (const model of values.models.split(',')) {
    for (const engine of engines) {
      for (const count of threads) {
        process.stderr.write(`${model}, ${engine}, ${count} threads\n`)
        const options = { rounds, warmUpRounds, parity: values.parity, now: () => performance.now() }
        rows.push(
          isOne
            ? await measureEngine(model, engine, count, options)
            : await measureApart(model, engine, count, options),
        )
      }
    }
  }
  console.log(values.json ? JSON.stringify({ rows }, undefined, 2) : enginesTable(rows))
  return 0
}

/** In a process of its own: WebAssembly's and TensorFlow's threads are those of the first model in a process. */
async function measureApart(
  model: string,
  engine: EngineName,
  threads: number,
  { rounds, parity }: Pick<EngineBenchOptions, 'rounds' | 'parity'>,
): Promise<EngineRow> {
  const options = { models: model, engines: engine, threads: String(threads), rounds: String(rounds) }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
  if (parity) args.push('--parity')
  const command = [process.argv[1]!, 'bench', 'engines', ...args, '--json']
  const { stdout } = await promisify(execFile)(process.execPath, command, { maxBuffer: 1 << 24 })
  return (JSON.parse(stdout) as { rows: [EngineRow] }).rows[0]
}

function engineName(text: string): EngineName {
  const found = engineNames.find((name) => name === text)
  if (found === undefined)
    throw new UsageError(`--engines must be of ${engineNames.join(', ')}, current value is ${text}`)
  return found
}
