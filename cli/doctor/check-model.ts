import { modelCalibration } from '../../src/codec/model-codecs.ts'
import { runTrial } from '../../src/executor/engine-trial.ts'
import type { EngineSetting } from '../../src/executor/resolve-engine.ts'
import { resolveEngine } from '../../src/executor/resolve-engine.ts'
import { resolveThreads, type ThreadSetting } from '../../src/executor/resolve-threads.ts'
import { machineName } from '../../src/latency-model/measure-profile.ts'
import { loadChosenModel, type ModelChoice, randomWeights } from '../../src/model-graph/model-choice.ts'
import { usablePrecisions } from '../../src/scheduler/usable-precisions.ts'
import { bad, type Finding, good, warning } from './finding.ts'

export interface ModelSettings {
  readonly engine: EngineSetting
  readonly threads: ThreadSetting
  readonly stateDirectory: string
  /** Of an agent: what may be computed in another precision than float32. */
  readonly maxAccuracyLoss?: number
}

/** A model's files, and whether the engine answers with it; its hash where it could be read. */
export async function checkModel(
  choice: ModelChoice,
  settings: ModelSettings,
): Promise<{ findings: Finding[]; hash: string | undefined }> {
  const findings: Finding[] = []
  try {
    const { manifest, hash } = await loadChosenModel(choice)
    findings.push(good('model', `${manifest.name}, hash ${hash}`))
    if (choice.weights === randomWeights)
      findings.push(
        warning(
          'weights',
          `Those of ${manifest.name} are made up: its answers mean nothing`,
          'Give weights: FOLDER of a trained model, unless only times and bytes are wanted.',
        ),
      )
    findings.push(await checkEngine(choice, hash, settings))
    return { findings, hash }
  } catch (error) {
    findings.push(
      bad(
        'model',
        (error as Error).message,
        'Set model to a name that surgeon models lists, a folder or an .onnx file.',
      ),
    )
  }
  return { findings, hash: undefined }
}

async function checkEngine(
  choice: ModelChoice,
  modelHash: string,
  { engine: setting, threads, stateDirectory, maxAccuracyLoss = 0 }: ModelSettings,
): Promise<Finding> {
  const mend =
    'Set engine: wasm, which runs wherever Node does; surgeon bench engines tells which others run here.'
  try {
    const machine = machineName()
    const silent = () => undefined
    const calibration = await modelCalibration(choice.model, modelHash)
    const rules = { maxAccuracyLoss, architecture: process.arch }
    const precisions = usablePrecisions(calibration, rules).usable
    const options = { ...choice, modelHash, machine, stateDirectory, precisions, log: silent }
    const engine = await resolveEngine(setting, { ...options, threads: threads === 'auto' ? 1 : threads })
    const trial = await runTrial({
      ...choice,
      engine,
      threads: await resolveThreads(threads, engine, options),
    })
    if (trial.kind === 'failed') return bad('engine', `${engine} does not answer: ${trial.reason}`, mend)
    return good('engine', `${engine} takes ${trial.wholeMs.toFixed(1)} ms for the whole model`)
  } catch (error) {
    return bad('engine', (error as Error).message, mend)
  }
}
