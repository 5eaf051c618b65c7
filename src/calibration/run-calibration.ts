import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { calibrationVersion } from '../codec/calibration-file.ts'
import type { EngineName } from '../executor/engine.ts'
import { findWound } from '../model-graph/find-wound.ts'
import { loadModel } from '../model-graph/load-model.ts'
import type { Model } from '../model-graph/model.ts'
import { modelSize } from '../model-graph/model-size.ts'
import { plannedWounds } from '../scheduler/candidate-wounds.ts'
import { type CalibrationResult, calibrate, defaultCodecs } from './calibrate.ts'
import { calibrationImages } from './calibration-images.ts'
import type { CodecChoice } from './codec-choice.ts'
import { EngineLanes } from './engine-lanes.ts'
import { openJournal } from './journal.ts'

export interface CalibrationRun {
  readonly model: string
  readonly images: string
  readonly labels?: string | undefined
  /** Default: all. */
  readonly limit?: number | undefined
  /** Names of wounds; default: the candidates. */
  readonly wounds?: readonly string[] | undefined
  /** Where the journal lies while the run lasts. */
  readonly directory: string
  readonly engine?: EngineName
  readonly threads?: number
  readonly codecs?: CodecChoice
  /** Levels of `klt` instead of the usual ones: of many channels each takes long. */
  readonly levels?: readonly number[] | undefined
  readonly progress: (text: string) => void
}

/** More gain little: what is measured beside the engine's runs has one. */
const mostThreads = 2
/** Each lane holds the weights: of more they share them. */
const mostParametersTwice = 50e6

/** Calibrates a model as the command line says; a run that was stopped goes on where its journal ends. */
export async function runCalibration(
  run: CalibrationRun,
): Promise<CalibrationResult & { loaded: Model; imageCount: number }> {
  const loaded = await loadModel(run.model)
  const images = await calibrationImages(run.images, run.labels, run.limit ?? Infinity)
  const wounds = run.wounds?.map((name) => findWound(loaded.graph, name)) ?? plannedWounds(loaded.graph)
  const { codecs = defaultCodecs, levels = codecs.levels } = run
  await mkdir(run.directory, { recursive: true })
  const depends = [calibrationVersion, loaded.hash, images.map(({ name, label }) => [name, label])]
  const key = createHash('sha256').update(JSON.stringify(depends)).digest('hex').slice(0, 32)
  const journal = await openJournal(join(run.directory, 'calibration.journal.jsonl'), key)
  const { engine = 'onnxruntime', threads = Math.min(mostThreads, availableParallelism()), progress } = run
  const lanes = modelSize(loaded.graph).parameters > mostParametersTwice ? 1 : threads
  const engineLanes = new EngineLanes({ model: run.model, engine, lanes, threads: threads / lanes })
  const options = {
    model: loaded,
    engine: engineLanes,
    threads,
    images,
    wounds,
    codecs: { ...codecs, levels },
    journal,
    progress,
  }
  try {
    await engineLanes.start()
    const result = await calibrate(options)
    await journal.remove()
    return { ...result, loaded, imageCount: images.length }
  } finally {
    await engineLanes.stop()
  }
}
