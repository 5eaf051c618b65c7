import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { median } from 'simple-statistics'
import { makeReport } from '../../bench/report/make-report.ts'
import { measureRuns } from '../../bench/report/measure-runs.ts'
import { type MeasuredRuns, readMeasuredRuns } from '../../bench/report/measured-runs.ts'
import { engineTimes, zooPoints } from '../../bench/report/model-tables.ts'
import { type BoardName, boards } from '../../lab/demo/scenario.ts'
import { modelCalibration } from '../../src/codec/model-codecs.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { defaultMaxAccuracyLoss } from '../../src/scheduler/accuracy-budget.ts'
import { positiveNumber, readOptions, wholeNumber } from '../../src/terminal/options.ts'
import { progressBar, terminalProgress } from '../../src/terminal/progress.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'
import { engineName } from '../engine-option.ts'

/** The model that boards are known by. */
const boardModel = 'mobilenetv2'
const boardNames = Object.keys(boards) as BoardName[]

/** The talk's figures for this pair of machines: a page, its charts' data, or the measurement of one machine. */
export async function report(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      model: { type: 'string' },
      out: { type: 'string' },
      measure: { type: 'string' },
      edge: { type: 'string' },
      worker: { type: 'string' },
      board: { type: 'string' },
      engine: { type: 'string', default: 'onnxruntime' },
      threads: { type: 'string', default: '1' },
      runs: { type: 'string', default: '100' },
      uplink: { type: 'string', default: '5' },
      downlink: { type: 'string' },
      rtt: { type: 'string', default: '10' },
      'input-bytes': { type: 'string', default: '20000' },
      compare: { type: 'string' },
    },
  })
  const { model: name, out, measure } = values
  if (name === undefined || (out ?? measure) === undefined)
    throw new UsageError('surgeon report needs --model M, and --out DIR or --measure FILE')
  const board = boardNames.find((one) => one === values.board)
  if (values.board !== undefined && board === undefined)
    throw new UsageError(`--board must be one of ${boardNames.join(', ')}, current value is ${values.board}`)
  if (board !== undefined && values.edge !== undefined)
    throw new UsageError('--board must be left out with --edge, which was measured on the board itself')
  const runs = wholeNumber(values.runs, '--runs', 2)
  const threads = wholeNumber(values.threads, '--threads', 1)
  const uplinkBps = 1e6 * positiveNumber(values.uplink, '--uplink')
  const engine = await loadEngine(engineName(values.engine))
  const model = await loadModel(name)
  const progress = terminalProgress()
  const onProgress = (done: number, total: number, what: string) =>
    progress.show(progressBar(done, total, what))
  const here = () => measureRuns(model, engine, { threads, runs, onProgress })
  if (measure !== undefined) {
    const measured = await here()
    progress.clear()
    await writeFile(measure, `${JSON.stringify(measured)}\n`)
    console.log(`${measure}: ${measured.wounds.length} wounds of ${measured.model} on ${measured.machine}`)
    return 0
  }
  const given = (path: string | undefined) =>
    path === undefined ? undefined : readMeasuredRuns(path, model.hash)
  const [givenEdge, givenWorker] = [await given(values.edge), await given(values.worker)]
  const own = givenEdge === undefined || givenWorker === undefined ? await here() : undefined
  const edge = givenEdge ?? own!
  const worker = givenWorker ?? own!
  const edgeFactor =
    board === undefined ? 1 : boards[board].wholeMs / (await boardModelMs(edge, engine, runs))
  const engines = await engineTimes([name, ...(values.compare?.split(',') ?? [])], (what) =>
    progress.show(what),
  )
  progress.clear()
  const { html, csv } = makeReport({
    edge,
    worker,
    edgeName: board === undefined ? edge.machine : `${board}, estimated from ${edge.machine}`,
    workerName: worker.machine,
    calibration: await modelCalibration(name, model.hash),
    maxAccuracyLoss: defaultMaxAccuracyLoss,
    options: {
      edgeFactor: Math.max(1, edgeFactor),
      link: {
        uplinkBps,
        downlinkBps:
          values.downlink === undefined ? uplinkBps : 1e6 * positiveNumber(values.downlink, '--downlink'),
        roundTripMs: positiveNumber(values.rtt, '--rtt'),
      },
      inputBytes: wholeNumber(values['input-bytes'], '--input-bytes', 1),
      inputDecodeMs: 2,
      answerBytes: 300,
    },
    engines,
    zoo: zooPoints(),
  })
  const folder = out!
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'index.html'), html)
  for (const { file, text } of csv) await writeFile(join(folder, file), text)
  console.log(`${join(folder, 'index.html')}, and its data: ${csv.map(({ file }) => file).join(', ')}`)
  return 0
}

/** What the model that boards are known by takes here. */
async function boardModelMs(
  edge: MeasuredRuns,
  engine: Awaited<ReturnType<typeof loadEngine>>,
  runs: number,
): Promise<number> {
  const silent = () => undefined
  const model = await loadModel(boardModel)
  const { wholeMs } =
    model.hash === edge.modelHash
      ? edge
      : await measureRuns(model, engine, { threads: edge.threads, runs, onProgress: silent, wholeOnly: true })
  return median(wholeMs.slice(1))
}
