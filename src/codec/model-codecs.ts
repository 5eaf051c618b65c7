import { join } from 'node:path'
import { findModel } from '../model-graph/find-model.ts'
import type { LayerGraph } from '../model-graph/layer-graph.ts'
import type { Model } from '../model-graph/model.ts'
import { isShortFloat } from '../model-graph/onnx/short-floats.ts'
import type { Log } from '../telemetry/log.ts'
import { type Calibration, loadCalibration } from './calibration-file.ts'
import { type Codecs, createCodecs } from './create-codecs.ts'

/**
 * The calibration beside a model, by name or path; undefined where there is none.
 * @param log Of a daemon: a calibration that cannot be used is told and left out, as answers need none.
 * @throws {TypeError} without `log`, for a calibration that is damaged or of another model.
 */
export async function modelCalibration(
  source: string,
  modelHash: string,
  log?: Log,
): Promise<Calibration | undefined> {
  const place = await findModel(source)
  if (place.kind === 'zoo') return undefined
  const path = join(place.directory, 'calibration.json')
  if (log === undefined) return loadCalibration(path, modelHash)
  return loadCalibration(path, modelHash).catch((error: Error) => {
    log('error', 'the calibration is left out', { error })
    return undefined
  })
}

/** All codecs of a model, those of its calibration included; `log` as {@link modelCalibration} takes it. */
export async function modelCodecs(
  source: string,
  { hash, graph }: Pick<Model, 'hash' | 'graph'>,
  log?: Log,
): Promise<Codecs> {
  return createCodecs(await modelCalibration(source, hash, log), exactTensors(graph))
}

/** Whole numbers, truth values and doubles; inputs are left to whoever gives them. */
function exactTensors({ tensors }: LayerGraph): Set<string> {
  const exact = tensors.filter(({ stored }) => stored !== undefined && !isShortFloat(stored.elementType))
  return new Set(exact.map(({ name }) => name))
}
