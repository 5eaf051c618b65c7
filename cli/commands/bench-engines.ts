import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { checkParity, isEqual, type ParityRow, parityTable } from '../../bench/engines/check-parity.ts'
import { enginesTable } from '../../bench/engines/engines-table.ts'
import { type EngineRow, measureEngine } from '../../bench/engines/measure-engine.ts'
import { shareReport } from '../../bench/engines/share-report.ts'
import { type EngineName, engineNames } from '../../src/executor/engine.ts'
import { readOptions, wholeNumber } from '../../src/terminal/options.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'

const defaults = {
  models: 'mobilenetv2,resnet50,inceptionv3',
  engines: 'onnxruntime',
  threads: '1,2',
  rounds: '25',
}
const warmUpRounds = 3

/**
 * Measures whole, cut and chained models on the engines of this machine, with `--parity` checks that they agree, or
 * with `--share FILE` writes how fast every engine that is here computes the models whole.
 */
export async function benchEngines(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      models: { type: 'string', default: defaults.models },
      engines: { type: 'string' },
      threads: { type: 'string', default: defaults.threads },
      rounds: { type: 'string', default: defaults.rounds },
      parity: { type: 'boolean', default: false },
      share: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const allOrOne = values.share === undefined ? defaults.engines : engineNames.join(',')
  const engines = (values.engines ?? allOrOne).split(',').map(engineName)
  const threads = values.threads.split(',').map((text) => wholeNumber(text, '--threads', 1))
  const rounds = wholeNumber(values.rounds, '--rounds', 1)
  if (values.share !== undefined) {
    const options = { rounds, warmUpRounds, now: () => performance.now() }
    const report = await shareReport(values.models.split(','), engines, threads[0]!, options)
    await writeFile(values.share, `${JSON.stringify(report, undefined, 1)}\n`)
    console.log(
      `${values.share} can be pasted into an issue: it names the board and the engines, nothing else`,
    )
    return 0
  }
  const jobs = values.models
    .split(',')
    .flatMap((model) => engines.flatMap((engine) => threads.map((count): Job => ({ model, engine, count }))))
  const show = <Row>(rows: readonly Row[], table: (rows: readonly Row[]) => string) =>
    console.log(values.json ? JSON.stringify({ rows }, undefined, 2) : table(rows))
  if (values.parity) {
    const rows = await rowsOf<ParityRow>(jobs, ['--parity'], ({ model, engine, count }) =>
      checkParity(model, engine, count, (text) => process.stderr.write(`${text}\n`)),
    )
    show(rows, parityTable)
    return rows.every(isEqual) ? 0 : 1
  }
  const options = { rounds, warmUpRounds, now: () => performance.now() }
  const rows = await rowsOf<EngineRow>(jobs, ['--rounds', values.rounds], ({ model, engine, count }) =>
    measureEngine(model, engine, count, options),
  )
  show(rows, enginesTable)
  return 0
}

interface Job {
  readonly model: string
  readonly engine: EngineName
  readonly count: number
}

/**
 * One row for each job; where there are several each in a process of its own: WebAssembly's and TensorFlow's threads are
 * those of the first model in a process.
 */
async function rowsOf<Row>(
  jobs: readonly Job[],
  flags: readonly string[],
  row: (job: Job) => Promise<Row>,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const job of jobs) {
    const { model, engine, count } = job
    process.stderr.write(`${model}, ${engine}, ${count} threads\n`)
    if (jobs.length === 1) {
      rows.push(await row(job))
      continue
    }
    const options = ['--models', model, '--engines', engine, '--threads', String(count), ...flags, '--json']
    const command = [process.argv[1]!, 'bench', 'engines', ...options]
    // A check that fails exits with 1 and has its row nevertheless.
    const stdout = await promisify(execFile)(process.execPath, command, { maxBuffer: 1 << 24 }).then(
      (done) => done.stdout,
      (error: { stdout?: string }) => {
        if (!error.stdout) throw error
        return error.stdout
      },
    )
    rows.push((JSON.parse(stdout) as { rows: [Row] }).rows[0])
  }
  return rows
}

function engineName(text: string): EngineName {
  const found = engineNames.find((name) => name === text)
  if (found === undefined)
    throw new UsageError(`--engines must be of ${engineNames.join(', ')}, current value is ${text}`)
  return found
}
